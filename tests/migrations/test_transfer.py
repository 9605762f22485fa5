"""A plant as a file, and made of a file: on either database, exactly, or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from mes.access.types import Role
from mes.edge.service import put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.exchange.webhooks.service import create_webhook
from mes.exchange.webhooks.types import WebhookSpec
from mes.history.sealer import Sealer
from mes.kernel.db import Database, ReadSession
from mes.kernel.uow import UnitOfWork
from mes.migrations.transfer import MANIFEST, TransferRefused, digests_of, export_plant, import_plant, verify_export
from mes.migrations.upgrade import current_revision
from mes.orders.service import submit_operations_request
from mes.personnel.service import create_personnel_class
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, PRESS, Box
from tests.web.cast import hire


@pytest.fixture
def empty(
    request: pytest.FixtureRequest, database: Database, clock: SettableClock, tmp_path: Path
) -> Iterator[Database]:
    """On the other kind of database than the plant's, without any table yet."""
    if database.dialect == "postgresql":
        other = Database(f"sqlite:///{tmp_path / 'other' / 'plant.sqlite'}", clock=clock)
        (tmp_path / "other").mkdir()
    else:
        postgres = request.getfixturevalue("postgres")
        postgres.create_database("other")
        other = Database(postgres.url("other"), clock=clock)
    yield other
    other.close()
    if other.dialect == "postgresql":
        request.getfixturevalue("postgres").drop_database("other")


@pytest.fixture
def lived_in(built_plant: None, database: Database, clock: SettableClock) -> Database:
    """A plant with something of everything: quantities, bytes, texts of all kinds, history in all its places."""
    hire(database, "ada", Role.operator)
    database.write_now(
        submit_operations_request, actor=None, id="PO-ü\t\\N", quantity=Decimal("0.000001"), material_id="BOARD"
    )
    hook = WebhookSpec("erp", "https://erp.example/in", ("orders.*",))
    database.write_now(create_webhook, actor=None, spec=hook, sealed_secret=bytes(range(256)))
    box = Box(database)
    for hour in range(3):
        box.say(*(box.sample(f"{PRESS}.Temperature", hour * 10 + n / 7) for n in range(5)))
        sealer = Sealer(database)
        sealer.turn()
        sealer.close()
        clock.advance(hours=1, minutes=5)
    box.say(box.sample(f"{PRESS}.Temperature", 1e-300), box.sample("nobody.knows", "\x01"))
    return database


def test_a_plant_is_the_same_on_the_other_kind_of_database(
    lived_in: Database, empty: Database, tmp_path: Path, clock: SettableClock
) -> None:
    target = tmp_path / "north.plant"
    made = export_plant(lived_in, target, now=clock(), version="1")
    assert {entry.name for entry in made.entries if entry.rows} >= {
        "tables/equipment", "tables/webhook", "tables/outbox_event", "tables/history_log",
        "history/pieces", "history/chunks", "history/rollups",
    }  # fmt: skip
    assert import_plant(empty, target) == made
    assert digests_of(empty) == digests_of(lived_in)
    assert rows(empty, "SELECT quantity_e6 FROM operations_request") == [1]
    assert rows(empty, "SELECT sealed_secret FROM webhook") == [bytes(range(256))]


def test_numbers_go_on_where_they_were_and_none_is_given_twice(
    lived_in: Database, empty: Database, tmp_path: Path, clock: SettableClock
) -> None:
    """A tag's number stands in sealed history for ever: one that was removed must not be found again under it."""
    removed = TagBindingSpec(f"{PRESS}.Gone", "measurement", PRESS, unit="°C")
    kept = [TagBindingSpec(f"{PRESS}.Temperature", "measurement", PRESS, unit="°C")]
    lived_in.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[*kept, removed])
    (gone,) = rows(lived_in, "SELECT max(pk) FROM tag_binding")
    lived_in.write_now(forget_binding, actor=None, pk=gone)
    export_plant(lived_in, tmp_path / "north.plant", now=clock(), version="1")
    import_plant(empty, tmp_path / "north.plant")
    empty.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[*kept, removed])
    assert rows(empty, "SELECT max(pk) FROM tag_binding") == [gone + 1]
    assert hire(empty, "bea", Role.operator).principal_pk == rows(lived_in, "SELECT max(pk) FROM principal")[0] + 1


def forget_binding(uow: UnitOfWork, *, pk: int) -> None:
    uow.driver_execute("DELETE FROM tag_binding WHERE pk = ?", (pk,))


def rows(database: Database, sql: str) -> list[object]:
    def read(session: ReadSession) -> list[object]:
        return [bytes(value) if isinstance(value, memoryview) else value for (value,) in session.execute(text(sql))]

    return database.read_now(read)


def test_an_older_plants_file_is_brought_up_to_date(
    sqlite_database: Database, tmp_path: Path, clock: SettableClock
) -> None:
    sqlite_database.write_now(create_personnel_class, actor=None, personnel_class_id="smt")
    target, old = tmp_path / "north.plant", tmp_path / "old.plant"
    export_plant(sqlite_database, target, now=clock(), version="1")
    kept = {"tables/personnel_class"}  # as it was then

    def older(manifest: dict[str, object]) -> None:
        manifest["revision"] = "0003"
        manifest["entries"] = [entry for entry in manifest["entries"] if entry["name"] in kept]  # type: ignore[attr-defined]

    changed(target, old, older)
    fresh = Database(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    import_plant(fresh, old)
    assert current_revision(fresh) == current_revision(sqlite_database)
    assert rows(fresh, "SELECT id FROM personnel_class") == ["smt"]
    fresh.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m.update(revision="9999"), "a newer one wrote it"),
        (lambda m: m.update(format="lineside-plant-9"), "is not lineside-plant-1"),
        (lambda m: m["entries"][0].update(rows=1), "damaged"),
        (lambda m: m["entries"][0].update(sha256="0" * 64), "damaged"),
        (lambda m: m["entries"][0].update(name="tables/none"), "none"),
        (lambda m: m.pop("plant"), "plant"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    sqlite_database: Database, tmp_path: Path, clock: SettableClock, change: object, sentence: str
) -> None:
    target, bad = tmp_path / "north.plant", tmp_path / "bad.plant"
    export_plant(sqlite_database, target, now=clock(), version="1")
    with pytest.raises(TransferRefused, match="there already"):
        export_plant(sqlite_database, target, now=clock(), version="1")
    changed(target, bad, change)
    with pytest.raises(TransferRefused, match=sentence):
        verify_export(bad)
    fresh = Database(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    with pytest.raises((TransferRefused, KeyError), match=sentence):
        import_plant(fresh, bad)
    fresh.close()


def changed(source: Path, target: Path, change: object) -> None:
    with zipfile.ZipFile(source) as good, zipfile.ZipFile(target, "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name == MANIFEST:
                manifest = msgspec.json.decode(content)
                change(manifest)  # type: ignore[operator]
                content = msgspec.json.encode(manifest)
            bad.writestr(name, content)
