"""Materials and lots, on both databases."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text

from mes.equipment.types import PutOutcome
from mes.kernel.classes import ClassSpec
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.outbox import head_seq, list_events
from mes.kernel.properties import InheritedProperty, Property
from mes.kernel.sqltypes import from_us
from mes.kernel.uow import UnitOfWork
from mes.materials import queries
from mes.materials.errors import (
    LotNotHeld,
    MaterialClassExists,
    MaterialClassNotFound,
    MaterialExists,
    MaterialLotClosed,
    MaterialLotExists,
    MaterialLotFixed,
    MaterialLotNotFound,
    MaterialNotFound,
    MaterialUnitFixed,
    QuantityOutOfRange,
    UnitNotConvertible,
)
from mes.materials.rules import conversion
from mes.materials.service import (
    create_lot,
    create_material,
    create_material_class,
    hold_lots,
    put_lots,
    put_material_classes,
    put_materials,
    release_lots,
    set_disposition,
    update_lot,
    update_material,
    update_material_class,
)
from mes.materials.types import LotSpec, MaterialSpec
from standards.isa95.material import Disposition

BOARD = MaterialSpec("CB-100", "pcs", "Board", (conversion("panel", 8), conversion("third", "1/3")))
PASTE = MaterialSpec("SP-305", "g")
LOT = LotSpec("L-1", "CB-100", Decimal("012.123456"), "panel")


@pytest.fixture
def stocked(database: Database) -> Database:
    database.write_now(put_materials, actor=None, specs=[BOARD, PASTE])
    database.write_now(put_lots, actor=None, specs=[LOT])
    return database


def write(database: Database, verb, **kwargs):  # type: ignore[no-untyped-def]
    return database.write_now(verb, actor=None, **kwargs)


def test_units_come_back_exactly_and_twice_is_once(stocked: Database) -> None:
    view = stocked.read_now(queries.get_material, material_id="CB-100")
    assert set(view.conversions) == set(BOARD.conversions)
    before = stocked.read_now(head_seq)
    assert set(write(stocked, put_materials, specs=[BOARD, PASTE]).values()) == {PutOutcome.Unchanged}
    assert write(stocked, put_lots, specs=[LOT]) == {"L-1": PutOutcome.Unchanged}
    assert stocked.read_now(head_seq) == before


def test_quantities_are_integers_in_the_database_never_reals(stocked: Database) -> None:
    """The naive column (Numeric on SQLite) is a REAL: 12.123456 comes back as …455."""

    def stored(uow: UnitOfWork) -> object:
        return uow.execute(text("SELECT quantity FROM material_lot")).scalar()

    assert write(stocked, stored) == 12_123_456
    assert stocked.read_now(queries.get_material_lot, lot_id="L-1").quantity == Decimal("12.123456")


def test_conversion_by_query(stocked: Database) -> None:
    def convert(quantity: str, from_unit: str, to_unit: str) -> Decimal:
        return stocked.read_now(
            queries.convert_quantity,
            material_id="CB-100",
            quantity=Decimal(quantity),
            from_unit=from_unit,
            to_unit=to_unit,
        )

    assert convert("7", "panel", "pcs") == 56
    assert convert("1", "pcs", "third") == 3


def test_a_change_of_units_alone_counts_a_version(stocked: Database) -> None:
    write(stocked, update_material, spec=replace(BOARD, conversions=BOARD.conversions[:1]), version=1)
    view = stocked.read_now(queries.get_material, material_id="CB-100")
    assert (view.version, len(view.conversions)) == (2, 1)
    with pytest.raises(VersionConflict):
        write(stocked, update_material, spec=BOARD, version=1)


PASTES = [ClassSpec("SOLDER", "Solder"), ClassSpec("COLD", "Kept cold")]


def test_a_material_belongs_to_classes_until_it_is_said_otherwise(stocked: Database) -> None:
    assert set(write(stocked, put_material_classes, specs=PASTES).values()) == {PutOutcome.Created}
    in_both = replace(PASTE, classes=("SOLDER", "COLD"))
    assert write(stocked, put_materials, specs=[in_both, BOARD])["SP-305"] is PutOutcome.Updated
    before = stocked.read_now(head_seq)
    assert set(write(stocked, put_materials, specs=[in_both, PASTE]).values()) == {PutOutcome.Unchanged}
    assert set(write(stocked, put_material_classes, specs=PASTES).values()) == {PutOutcome.Unchanged}
    assert stocked.read_now(head_seq) == before
    view = stocked.read_now(queries.get_material, material_id="SP-305")
    assert (view.classes, view.version) == (("COLD", "SOLDER"), 2)
    members = [
        stocked.read_now(queries.list_materials, material_class=name).items for name in ("SOLDER", "COLD", "NONE")
    ]
    assert [[view.material_id for view in page] for page in members] == [["SP-305"], ["SP-305"], []]
    write(stocked, update_material, spec=replace(PASTE, classes=()), version=2)
    assert stocked.read_now(queries.get_material, material_id="SP-305").classes == ()
    write(stocked, put_materials, specs=[MaterialSpec("SP-400", "g", classes=("COLD",))])
    assert stocked.read_now(queries.get_material, material_id="SP-400").classes == ("COLD",)


def test_properties_are_a_materials_own_or_its_classes(stocked: Database) -> None:
    cold, hot = Property("Kept at", value="5", unit="Cel"), Property("Kept at", value="40", unit="Cel")
    alloy, own = Property("Alloy", "What it is made of", "SAC305"), Property("Alloy", value="SN63")
    classes = [ClassSpec("COLD", properties=(cold, alloy)), ClassSpec("HOT", properties=(hot,))]
    write(stocked, put_material_classes, specs=classes)
    assert set(write(stocked, put_material_classes, specs=classes).values()) == {PutOutcome.Unchanged}
    assert write(stocked, put_material_classes, specs=[ClassSpec("COLD")]) == {"COLD": PutOutcome.Unchanged}
    spec = replace(PASTE, classes=("HOT", "COLD"), properties=(own,))
    assert write(stocked, put_materials, specs=[spec]) == {"SP-305": PutOutcome.Updated}
    assert set(write(stocked, put_materials, specs=[spec, PASTE]).values()) == {PutOutcome.Unchanged}
    view = stocked.read_now(queries.get_material, material_id="SP-305")
    assert (view.properties, view.inherited, view.version) == ((own,), (InheritedProperty("COLD", cold),), 2)
    assert write(stocked, put_materials, specs=[replace(spec, properties=())]) == {"SP-305": PutOutcome.Updated}
    bare = [ClassSpec("COLD", properties=(alloy,))]
    assert write(stocked, put_material_classes, specs=bare) == {"COLD": PutOutcome.Updated}
    view = stocked.read_now(queries.get_material, material_id="SP-305")
    assert view.inherited == (InheritedProperty("COLD", alloy), InheritedProperty("HOT", hot))


def test_refusals_of_material_classes(stocked: Database) -> None:
    write(stocked, create_material_class, spec=ClassSpec("SOLDER"))
    with pytest.raises(MaterialClassExists):
        write(stocked, create_material_class, spec=ClassSpec("SOLDER"))
    write(stocked, update_material_class, spec=ClassSpec("SOLDER", "Solder"), version=1)
    with pytest.raises(VersionConflict):
        write(stocked, update_material_class, spec=ClassSpec("SOLDER", ""), version=1)
    with pytest.raises(MaterialClassNotFound):
        write(stocked, update_material_class, spec=ClassSpec("COLD", ""), version=1)
    before = stocked.read_now(head_seq)
    specs = [replace(PASTE, classes=("SOLDER",)), replace(BOARD, classes=("SOLDER", "COLD"))]
    with pytest.raises(MaterialClassNotFound) as refusal:
        write(stocked, put_materials, specs=specs)
    assert [error.where for error in refusal.value.errors] == ["CB-100"]
    assert stocked.read_now(head_seq) == before


def test_material_refusals(stocked: Database) -> None:
    with pytest.raises(MaterialExists):
        write(stocked, create_material, spec=BOARD)
    with pytest.raises(MaterialUnitFixed):
        write(stocked, put_materials, specs=[replace(BOARD, unit="kg")])
    with pytest.raises(MaterialNotFound):
        write(stocked, update_material, spec=MaterialSpec("X", "pcs"), version=1)


@pytest.mark.parametrize(
    ("spec", "refusal"),
    [
        (replace(LOT, lot_id="L-2", material_id="X"), MaterialNotFound),
        (replace(LOT, lot_id="L-2", unit="kg"), UnitNotConvertible),
        (replace(LOT, lot_id="L-2", quantity=Decimal(-1)), QuantityOutOfRange),
        (replace(LOT, unit="pcs"), MaterialLotFixed),
        (replace(LOT, material_id="SP-305", unit="g"), MaterialLotFixed),
    ],
)
def test_lot_refusals(stocked: Database, spec: LotSpec, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        write(stocked, put_lots, specs=[spec])


def test_hold_and_release_say_who_and_why(stocked: Database) -> None:
    before = stocked.read_now(head_seq)
    hold, reason = Disposition.Restricted, "Wrong paste"
    stocked.write_now(set_disposition, actor=7, lot_id="L-1", disposition=hold, reason=reason, version=1)
    write(stocked, set_disposition, lot_id="L-1", disposition=hold, reason="again")
    (event,) = stocked.read_now(list_events, after=before, limit=10)
    assert event.type == "materials.lot-disposition-changed.v1"
    assert event.actor == 7
    assert event.payload == {"lot_id": "L-1", "from": "UnRestricted", "to": "Restricted", "reason": reason}
    held = stocked.read_now(queries.list_material_lots, disposition="Restricted").items
    assert [lot.lot_id for lot in held] == ["L-1"]
    found = stocked.read_now(queries.find_lot_hold, lot_id="L-1")
    assert (found.reason, found.at) == (reason, from_us(event.occurred_at_us))
    write(stocked, release_lots, lot_ids=["L-1"], reason="Looked at")
    assert stocked.read_now(queries.find_lot_hold, lot_id="L-1") is None
    write(stocked, hold_lots, lot_ids=["L-1"], reason="After all")
    assert stocked.read_now(queries.find_lot_hold, lot_id="L-1").reason == "After all"
    with pytest.raises(VersionConflict):
        write(stocked, set_disposition, lot_id="L-1", disposition=Disposition.Closed, reason="x", version=1)


def test_closed_lot_stays_closed(stocked: Database) -> None:
    write(stocked, set_disposition, lot_id="L-1", disposition=Disposition.Closed, reason="used up")
    with pytest.raises(MaterialLotClosed):
        write(stocked, set_disposition, lot_id="L-1", disposition=Disposition.UnRestricted, reason="x")
    with pytest.raises(MaterialLotClosed):
        write(stocked, update_lot, spec=LOT, version=2)


def named(number: int) -> list[str]:
    return [f"M-{n}" for n in range(number)]


@pytest.fixture
def many(stocked: Database) -> Database:
    write(stocked, put_lots, specs=[replace(LOT, lot_id=lot_id) for lot_id in named(60)])
    return stocked


def test_many_lots_are_held_at_once_and_each_has_its_event(many: Database) -> None:
    write(many, set_disposition, lot_id="M-3", disposition=Disposition.Restricted, reason="before")
    before = many.read_now(head_seq)
    held = many.write_now(hold_lots, actor=7, lot_ids=named(60), reason="bad paste")
    assert sorted(held) == sorted({*named(60)} - {"M-3"})
    events = many.read_now(list_events, after=before)
    assert {event.subject for event in events} == {f"material-lot/{lot_id}" for lot_id in held}
    assert {(event.type, event.actor, event.topics == (event.subject,)) for event in events} == {
        ("materials.lot-disposition-changed.v1", 7, True)
    }
    assert {event.payload["reason"] for event in events} == {"bad paste"}
    view = many.read_now(queries.get_material_lot, lot_id="M-59")
    assert (view.disposition, view.version) == (Disposition.Restricted, 2)
    assert len(write(many, release_lots, lot_ids=named(60), reason="clean")) == 60


def test_a_hold_is_all_or_none_and_names_every_lot_that_speaks_against_it(many: Database) -> None:
    for lot_id in ("M-1", "M-2"):
        write(many, set_disposition, lot_id=lot_id, disposition=Disposition.Closed, reason="used up")
    with pytest.raises(MaterialLotNotFound, match="'X-1'"):
        write(many, hold_lots, lot_ids=["M-0", "X-1"], reason="x")
    with pytest.raises(MaterialLotClosed) as refused:
        write(many, hold_lots, lot_ids=named(4), reason="x")
    assert [error.where for error in refused.value.errors] == ["M-1", "M-2"]
    assert many.read_now(queries.get_material_lot, lot_id="M-0").disposition is Disposition.UnRestricted
    assert sorted(write(many, hold_lots, lot_ids=named(4), reason="x", but_closed=True)) == ["M-0", "M-3"]


@pytest.mark.parametrize("disposition", [Disposition.Planned, Disposition.InProcess])
def test_a_release_frees_only_what_is_held(many: Database, disposition: Disposition) -> None:
    write(many, set_disposition, lot_id="M-1", disposition=disposition, reason="as it is")
    write(many, hold_lots, lot_ids=["M-0"], reason="x")
    with pytest.raises(LotNotHeld) as refused:
        write(many, release_lots, lot_ids=["M-0", "M-1"], reason="x")
    assert [error.where for error in refused.value.errors] == ["M-1"]
    assert many.read_now(queries.get_material_lot, lot_id="M-1").disposition is disposition
    assert write(many, release_lots, lot_ids=["M-0", "M-2"], reason="x") == ["M-0"]


def test_lots_are_created_once_updated_with_version_and_paged(stocked: Database) -> None:
    with pytest.raises(MaterialLotExists):
        write(stocked, create_lot, spec=LOT)
    write(stocked, update_lot, spec=replace(LOT, quantity=Decimal(3)), version=1)
    assert stocked.read_now(queries.get_material_lot, lot_id="L-1").quantity == 3
    write(stocked, put_lots, specs=[replace(LOT, lot_id=f"L-{n}") for n in range(2, 8)])
    first = stocked.read_now(queries.list_material_lots, limit=4)
    second = stocked.read_now(queries.list_material_lots, limit=4, cursor=first.next_cursor)
    assert [lot.lot_id for lot in (*first.items, *second.items)] == [f"L-{n}" for n in range(1, 8)]
    assert second.next_cursor is None
    with pytest.raises(MaterialLotNotFound):
        stocked.read_now(queries.get_material_lot, lot_id="X")
