"""What a demo needs before it runs: a plant, people with one-time PINs, tokens, the bridge's files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mes.access.pins import random_pin
from mes.access.queries import get_principal, list_principals
from mes.access.service import create_principal, create_token
from mes.access.sign_in import set_pin_now
from mes.access.types import PrincipalKind, PrincipalView, Role
from mes.exchange.plant_file import PlantDocument, check_plant_file, load_plant
from mes.kernel.db import Database
from web.demo.history import principal_pk, seed_history
from web.demo.options import DemoOptions, Files, Ports
from web.demo.pieces import stock_factory
from web.demo.reel import plant_bad_reel
from web.plants import open_plants
from web.settings import Settings

PLANT_FILE: Final = Path(__file__).parent.parent / "demo_plant.yaml"
ERP: Final = "ERP"
WITNESS: Final = "WITNESS"
ADMINISTRATOR: Final = "ADMIN"


@dataclass(frozen=True)
class SignIn:
    """A person of the demo, and the PIN made for this run."""

    principal_id: str
    name: str
    role: Role
    pin: str


@dataclass(frozen=True)
class Prepared:
    """What is printed once and kept nowhere else."""

    people: tuple[SignIn, ...]
    erp_token: str
    witness_token: str
    """Of who compares the record of single pieces with the factory's ledger."""


def prepare(options: DemoOptions, files: Files, ports: Ports) -> Prepared:
    """Make the plant and everything that signs in to it. Takes a second or two, more with history."""
    plants = open_plants(Settings(data_dir=files.data, database_url=options.database_url))
    try:
        return _prepare(plants.default, options, files, ports)
    finally:
        plants.close()


def _prepare(database: Database, options: DemoOptions, files: Files, ports: Ports) -> Prepared:
    plant = load_once(database)
    _ensure_principal(database, ADMINISTRATOR, "Administrator", Role.administrator)
    people = database.read_now(list_principals, kind=PrincipalKind.person).items
    bridge_id = plant.bridges[0].id
    _write_secret(files.bridge_token, _token(database, bridge_id, Role.bridge))
    erp_token = _token(database, ERP, Role.integration)
    opened = _openings(files)
    for run in (opened + 1, opened + 2):
        database.write_now(stock_factory, actor=None, run=run)
    if not options.no_history and not options.keep:
        _seed(database, bridge_id, options, files)
    witness_token = _token(database, WITNESS, Role.operator)
    return Prepared(tuple(_with_new_pin(database, person) for person in people), erp_token, witness_token)


def load_once(database: Database) -> PlantDocument:
    """The plant of the demo. One that goes on is not loaded again: what was put on hold since, no file lifts."""
    plant = check_plant_file(PLANT_FILE.read_text(encoding="utf-8"), filename=PLANT_FILE.name)
    if not database.read_now(list_principals, kind=PrincipalKind.person).items:
        database.write_now(load_plant, actor=None, plant=plant)
    return plant


def _openings(files: Files) -> int:
    """How often the factory was opened so far; its reels have the number in their names."""
    from opcua_bridge.simulator.ledger import read_entries  # brings the OPC UA library: not while starting

    return sum(entry["kind"] == "open" for entry in read_entries(files.ledger))


def _seed(database: Database, bridge_id: str, options: DemoOptions, files: Files) -> None:
    operator = _first(database, Role.operator)
    seed_history(
        database,
        bridge_id=bridge_id,
        erp=ERP,
        supervisor=_first(database, Role.supervisor),
        operator=operator,
        ledger=files.ledger,
        seed=options.seed,
    )
    operator_pk = principal_pk(database, operator)
    database.write_now(plant_bad_reel, actor=None, at=datetime.now(UTC), operator_pk=operator_pk)


def _first(database: Database, role: Role) -> str:
    return database.read_now(list_principals, kind=PrincipalKind.person, role=role).items[0].id


def _with_new_pin(database: Database, person: PrincipalView) -> SignIn:
    pin = random_pin()
    set_pin_now(database, actor=None, principal_id=person.id, pin=pin)
    return SignIn(person.id, person.display_name, person.role, pin)


def _token(database: Database, principal_id: str, role: Role) -> str:
    _ensure_principal(database, principal_id, principal_id, role)
    made = database.write_now(
        create_token, actor=None, plant_id=database.plant_id, principal_id=principal_id, label="demo"
    )
    return made.token


def _ensure_principal(database: Database, principal_id: str, name: str, role: Role) -> None:
    if database.read_now(get_principal, principal_id=principal_id) is None:
        database.write_now(create_principal, actor=None, principal_id=principal_id, role=role, display_name=name)


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
