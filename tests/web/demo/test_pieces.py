"""An order through the simulated factory, handed in as by a bridge: every panel's reels and verdicts are true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import text

from mes.access.types import Role
from mes.exchange.plant_file import check_plant_file, load_plant
from mes.genealogy.queries import trace_from
from mes.ingest.quarantine.queries import list_quarantine
from mes.ingest.service import receive_batch
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from mes.orders.service import release_jobs, submit_operations_request
from opcua_bridge.simulator.catalog import RECIPES
from opcua_bridge.simulator.jobs import Command
from opcua_bridge.simulator.ledger import Pieces, read_pieces
from opcua_bridge.simulator.plant import Plant, PlantSettings
from opcua_bridge.simulator.stamps import Stamps
from opcua_bridge.simulator.vocabulary import Action
from opcua_bridge.simulator.world import LedgerEntry, Output, SignalChange
from standards.lineside.ingest_v1 import Batch, Sample
from tests.conftest import SettableClock
from tests.support.rest import rest_api
from tests.web.cast import OnePlant, hire
from web.demo.pieces import SLOTS, Compared, Told, Witness, by_serial, panel_agrees, stock_factory
from web.demo.prepare import PLANT_FILE

PANELS = 60
HOURS = 1.5
BRIDGE = "EDGE-1"
OF_PIECES = ("identity", "result", "job-order", "job-state", "job-substate")


def compare_pieces(
    true: Pieces,
    made_of: Mapping[str, Collection[Told]],
    verdicts: Mapping[str, Collection[str]],
) -> Compared:
    """Pure. `made_of`: lots in each panel as the MES has it; `verdicts`: of each unit, as PASS and FAIL in order.

    A panel agrees if nothing that went into it is missing, and nothing is told for certain that did not. One that the
    MES does not have at all is on its way, or lost: the caller says when it is late.
    """
    fed, tested = by_serial(true)
    wrong = [serial for serial, slots in fed.items() if not panel_agrees(slots, made_of.get(serial, ()))]
    wrong += [serial for serial, its in tested.items() if list(verdicts.get(serial, ())) != its]
    return Compared(len(fed), len(tested), tuple(wrong))


@pytest.fixture
def demo(sqlite_database: Database) -> Database:
    """The demo's plant, with the factory's reels in stock. The verbs are tested on both databases elsewhere."""
    plant = check_plant_file(PLANT_FILE.read_text(encoding="utf-8"), filename=PLANT_FILE.name)
    sqlite_database.write_now(load_plant, actor=None, plant=plant)
    for _ in range(2):
        sqlite_database.write_now(stock_factory, actor=None, run=1)
    return sqlite_database


def live(database: Database, clock: SettableClock, seed: int) -> Pieces:
    """One order through the line, the cobot and the tester; what truly happened."""
    made = database.write_now(
        submit_operations_request, actor=None, id="PO-1", quantity=Decimal(PANELS * 8), material_id="CB-100"
    )
    database.write_now(release_jobs, actor=None, versions=dict.fromkeys(made.job_order_ids, 1))
    plant = Plant(PlantSettings(seed, measure_every_s=None))
    stamps = Stamps(to_us(database.clock()), 1.0)
    tags = _tags(database)
    first = to_us(database.clock())
    said = [_sample(tag, value, first) for tag, value in plant.initial().items() if tag in tags]
    outputs: list[Output] = []
    for target, step, cycles in (("SMT-1", "SMT", PANELS), ("DEPANEL-1", "DEPANEL", PANELS), ("TEST-1", "TEST", 480)):
        job = Command(f"t-{step}", f"PO-1-{step}", Action.STORE_AND_START, RECIPES[target], "CB-100", "PO-1", cycles)
        outputs += plant.command(target, job)
    outputs += plant.advance(HOURS * 3600)
    entries = []
    for output in outputs:
        if isinstance(output, LedgerEntry):
            stamps.of(output.lane, output.step, output.at_us)
            entries.append({"kind": output.kind, **output.fields})
        elif isinstance(output, SignalChange):
            at_us = stamps.of_change(output.tag, output.lane, output.step, output.at_us)
            said += [_sample(output.tag, output.value, at_us)] if output.tag in tags else []
    clock.advance(seconds=HOURS * 3600)
    _hand_in(database, said)
    return read_pieces(entries)


def _sample(tag: str, value: object, at_us: int) -> Sample:
    return Sample(tag, value, at_us, at_us)  # type: ignore[arg-type]


def _tags(database: Database) -> set[str]:
    def read(session: ReadSession) -> set[str]:
        rows = session.execute(text("SELECT tag, signal FROM tag_binding"))
        return {row.tag for row in rows if row.signal in OF_PIECES}

    return database.read_now(read)


def _hand_in(database: Database, said: Sequence[Sample]) -> None:
    """In batches that cut through whatever belongs together."""
    for start in range(0, len(said), 101):
        batch = Batch("j", start + 1, list(said[start : start + 101]))
        database.write_now(receive_batch, actor=None, bridge_id=BRIDGE, batch=batch)


def built(database: Database, true: Pieces) -> tuple[dict[str, list[Told]], dict[str, list[str]]]:
    """What the MES has of these panels and units."""

    def read(session: ReadSession) -> tuple[dict[str, list[Told]], dict[str, list[str]]]:
        made_of = {}
        for serial in true.boards:
            links = trace_from(session, lot_id=serial).tables["links"].rows
            made_of[serial] = [Told(row[0], row[4] == "possible") for row in links if row[1] == serial]
        verdicts: dict[str, list[str]] = defaultdict(list)
        for unit, verdict in session.execute(text("SELECT unit_id, verdict FROM unit_verdict ORDER BY at_us")):
            verdicts[unit].append({1: "PASS", 2: "FAIL"}[verdict])
        return made_of, verdicts

    return database.read_now(read)


SEEDS = (2, pytest.param(17, marks=pytest.mark.long), pytest.param(28, marks=pytest.mark.long))
"""Each has a reel changed and one spliced early."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_genealogy_says_what_the_ledger_says(
    demo: Database, clock: SettableClock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = live(demo, clock, seed)
    made_of, verdicts = built(demo, true)
    compared = compare_pieces(true, made_of, verdicts)
    assert compared.wrong == ()
    assert (compared.panels, len(true.boards)) == (PANELS, PANELS)
    assert compared.verdicts > 300
    assert verdicts.keys() <= {board for boards in true.boards.values() for board in boards}
    spliced = {serial for (serial, _, _), lots in true.fed.items() if len(lots) > 1}
    assert {serial for serial, lots in made_of.items() if any(one.possible for one in lots)} == spliced != set()
    assert len({lot for lots in true.fed.values() for lot in lots}) > len(SLOTS) * 4 + len(spliced)
    assert demo.read_now(list_quarantine).page.items == ()
    monkeypatch.setattr("web.demo.pieces.LOST_AFTER", 1)
    true.fed[next(iter(true.boards)), "SMT-1-PLACER-A", "Reel1"] = {"NEVER-MOUNTED"}
    assert await witnessed(demo, true) == Compared(11, 12, (next(iter(true.boards)),))


async def witnessed(database: Database, true: Pieces) -> Compared:
    """What the demo's page sees over REST in two looks, six pieces of either kind each."""
    app = rest_api()
    app.state.plants = OnePlant(database)
    member = hire(database, "witness", Role.operator)
    headers = {"Authorization": f"Bearer {member.token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers=headers) as client:
        witness = Witness(client)
        await witness.look(true)
        return await witness.look(true)


def test_what_is_missing_or_made_up_is_seen() -> None:
    slots = [{"A"}, {"B", "C"}]
    right = [Told("A", False), Told("B", True), Told("C", True)]
    assert panel_agrees(slots, right)
    assert panel_agrees(slots, [*right, Told("D", True)])
    assert not panel_agrees(slots, [*right, Told("D", False)])
    assert not panel_agrees(slots, right[1:])
    true = read_pieces([{"kind": "verdict", "serial": "U", "verdict": "FAIL", "code": "", "position": ""}])
    assert compare_pieces(true, {}, {"U": ["PASS"]}) == Compared(0, 1, ("U",))
