"""Rows into the plant: each judged by itself, a dry run leaves nothing, the same again changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mes.definitions.queries import get_definition
from mes.definitions.service import put_definitions, set_definition_state
from mes.definitions.types import DefinitionSpec, DefinitionState, SegmentSpec
from mes.equipment.queries import get_equipment
from mes.equipment.service import put_equipment_classes
from mes.exchange.table_files import queries, service
from mes.exchange.table_files.importing import Imported, RowImport, import_file
from mes.exchange.table_files.types import (
    BLOCK_ROWS,
    MAPPINGS_MAX,
    ImportCounts,
    ImportMapping,
    Kind,
    Result,
    SavedMapping,
)
from mes.genealogy.service import split_lot
from mes.kernel.classes import ClassSpec
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from mes.kernel.outbox import head_seq
from mes.materials.queries import get_material, get_material_lot, list_material_lots
from mes.materials.service import put_lots, put_material_classes, set_disposition
from mes.materials.types import LotSpec
from mes.orders.queries import get_operations_request
from mes.personnel.queries import get_person
from mes.personnel.service import put_personnel_class
from standards.isa95.material import Disposition
from standards.isa95.quantity import from_e6
from tests.conftest import SettableClock
from tests.mes.orders.acts import build_benches


def take(plant: Database, text: str, kind: Kind, *, mapping_name: str = "", dry_run: bool = False) -> Imported:
    data = text.encode()
    return import_file(RowImport(plant), data, name="a.csv", kind=kind, mapping_name=mapping_name, dry_run=dry_run)


def told(done: Imported) -> list[tuple[str, str, str]]:
    return [(outcome.id, outcome.result.value, outcome.code) for outcome in done.outcomes]


MATERIALS = "Artikel;Bezeichnung;ME;Umrechnungen\nMCU;Microcontroller;pcs;reel=2000|box=1/4\nBOARD;Board;pcs;\nX;;;\n"


def test_a_file_is_tried_then_taken_and_taken_again(plant: Database) -> None:
    kind = Kind.material_definitions
    before = plant.read_now(head_seq)
    expected = [("MCU", "created", ""), ("BOARD", "updated", ""), ("X", "refused", "import-row-invalid")]
    assert told(take(plant, MATERIALS, kind, dry_run=True)) == expected
    assert plant.read_now(head_seq) == before
    done = take(plant, MATERIALS, kind)
    assert told(done) == expected
    view = plant.read_now(get_material, material_id="MCU")
    assert [(c.unit, c.numerator, c.denominator) for c in view.conversions] == [("box", 1, 4), ("reel", 2000, 1)]
    remembered = plant.read_now(queries.get_import, import_id=done.import_id)
    assert (remembered.counts, remembered.headers) == (
        ImportCounts(created=1, updated=1, refused=1),
        ("Artikel", "Bezeichnung", "ME", "Umrechnungen"),
    )
    assert [(row.line, row.cells) for row in remembered.refused] == [(4, ("X", "", "", ""))]
    again = take(plant, MATERIALS, kind)
    assert [outcome.result.value for outcome in again.outcomes] == ["unchanged", "unchanged", "refused"]


def test_what_a_row_does_not_say_stays(plant: Database) -> None:
    take(plant, MATERIALS, Kind.material_definitions)
    done = take(plant, "sku,name\nMCU,Controller\n", Kind.material_definitions)
    assert told(done) == [("MCU", "updated", "")]
    view = plant.read_now(get_material, material_id="MCU")
    assert (view.description, view.unit, len(view.conversions)) == ("Controller", "pcs", 2)
    plant.write_now(put_material_classes, actor=None, specs=[ClassSpec("CHIPS")])
    classed = take(plant, "sku,material group\nMCU,CHIPS\nBOARD,NONE\n", Kind.material_definitions)
    assert told(classed) == [("MCU", "updated", ""), ("BOARD", "refused", "material-class-not-found")]
    assert plant.read_now(get_material, material_id="MCU").classes == ("CHIPS",)
    other = take(plant, "sku,unit\nMCU,kg\nBOARD,kg\nNEW,kg\n", Kind.material_definitions)
    fixed = "material-unit-fixed"
    assert told(other) == [("MCU", "refused", fixed), ("BOARD", "refused", fixed), ("NEW", "created", "")]


def test_lots_and_that_a_file_lifts_no_hold(plant: Database) -> None:
    plant.write_now(put_lots, actor=None, specs=[LotSpec("L-0", "BOARD", Decimal(1), "pcs")])
    plant.write_now(set_disposition, actor=None, lot_id="L-0", disposition=Disposition.Restricted, reason="wet")
    text = (
        "Charge;Material;Menge;Status\nL-0;BOARD;2;frei\nL-1;BOARD;1,5;gesperrt\nL-2;NONE;1;\nL-3;BOARD;-1;\n"
        "L-4;BOARD;7;odd\nL-5;BOARD;8;\nL-6;;8;\n"
    )
    done = take(plant, text, Kind.material_lots)
    assert told(done) == [
        ("L-0", "refused", "lot-on-hold"),
        ("L-1", "created", ""),
        ("L-2", "refused", "material-not-found"),
        ("L-3", "refused", "import-row-invalid"),
        ("L-4", "refused", "import-row-invalid"),
        ("L-5", "created", ""),
        ("L-6", "refused", "import-row-invalid"),
    ]
    lot = plant.read_now(get_material_lot, lot_id="L-1")
    assert (lot.quantity, lot.unit, lot.disposition) == (Decimal("1.5"), "pcs", Disposition.Restricted)


def test_what_is_left_of_a_lot_in_use_is_not_taken_for_what_came_in(plant: Database) -> None:
    for lot_id in ("L-1", "L-2"):
        plant.write_now(put_lots, actor=None, specs=[LotSpec(lot_id, "BOARD", Decimal(10), "pcs")])
    plant.write_now(split_lot, actor=None, request_id="request-1", lot_id="L-1", into={"L-1A": 3_000_000})
    done = take(plant, "lot,qty\nL-1,7\nL-2,11\n", Kind.material_lots)
    assert told(done) == [("L-1", "refused", "import-lot-in-use"), ("L-2", "updated", "")]
    assert told(take(plant, "lot,qty,status\nL-1,10,blocked\n", Kind.material_lots)) == [("L-1", "updated", "")]


def test_a_hierarchy_comes_in_any_order_and_what_is_wrong_with_it_keeps_out_only_what_stands_under_it(
    plant: Database,
) -> None:
    plant.write_now(put_equipment_classes, actor=None, specs=[ClassSpec("OVENS")])
    rows = (
        "L9-1;Arbeitsplatz;L9;Ofen;OVENS;12,5",
        "L9;Kostenstelle;HALL;Linie neun;;",
        "L8-1;Maschine;L8;;;",
        "L8;Turm;HALL;;;",
        "L7;Linie;BENCH;;;",
        "BENCH;;;Am Fenster;;",
    )
    text = "\n".join(["Maschine;Ebene;Gehört zu;Bezeichnung;Klasse;Taktzeit", *rows])
    for dry_run in (True, False):
        done = take(plant, text, Kind.equipment, dry_run=dry_run)
        assert told(done) == [
            ("L9-1", "created", ""),
            ("L9", "created", ""),
            ("L8-1", "refused", "parent-not-found"),
            ("L8", "refused", "import-row-invalid"),
            ("L7", "refused", "equipment-nesting"),
            ("BENCH", "updated", ""),
        ]
    assert {result for _, result, code in told(take(plant, text, Kind.equipment)) if not code} == {"unchanged"}
    oven = plant.read_now(get_equipment, equipment_id="L9-1")
    assert (oven.level, oven.parent_id, oven.nominal_cycle_s, oven.classes) == (
        *("WorkUnit", "L9", Decimal("12.5")),
        ("OVENS",),
    )
    bench = plant.read_now(get_equipment, equipment_id="BENCH")
    assert (bench.description, bench.manual, bench.parent_id) == ("Am Fenster", True, "BENCHES")


def test_persons_get_no_access_and_keep_what_is_not_said(plant: Database) -> None:
    plant.write_now(put_personnel_class, actor=None, personnel_class_id="SMT")
    text = "Personalnummer;Mitarbeiter;Qualifikationen;Sprache\n17;Ada;SMT;de\n18;Bo;NONE;\n19;;;\n20 x;Cy;;\n"
    done = take(plant, text, Kind.persons)
    assert [(o.id, o.result, o.code) for o in done.outcomes] == [
        ("17", Result.created, ""),
        ("18", Result.refused, "personnel-class-unknown"),
        ("19", Result.refused, "import-row-invalid"),
        ("20 x", Result.refused, "id-invalid"),
    ]
    assert told(take(plant, "Personalnummer;Mitarbeiter\n17;Ada B.\n", Kind.persons)) == [("17", "updated", "")]
    ada = plant.read_now(get_person, person_id="17")
    assert ada is not None
    assert (ada.name, ada.language, ada.principal_id) == ("Ada B.", "de", None)
    assert [q.personnel_class_id for q in ada.qualifications] == ["SMT"]


def test_orders_whose_refusals_name_no_row_are_found_one_by_one(plant: Database) -> None:
    rows = [f"PO-{n},{'NONE' if n in (3, 7) else 'BOARD'},{n},2026-12-01" for n in range(1, 9)]
    text = "\n".join(["order,material,qty,due", *rows])
    done = take(plant, text, Kind.operations_requests)
    wrong = [o for o in done.outcomes if o.result is Result.refused]
    assert [(o.line, o.id, o.code) for o in wrong] == [
        (4, "PO-3", "operations-definition-not-found"),
        (8, "PO-7", "operations-definition-not-found"),
    ]
    card = plant.read_now(get_operations_request, operations_request_id="PO-8", now=plant.clock())
    assert (card.quantity, card.due_at) == (8, datetime(2026, 12, 1, 23, 59, tzinfo=UTC))
    changed = text.replace("PO-1,BOARD,1,", "PO-1,BOARD,9,")
    assert told(take(plant, changed, Kind.operations_requests))[:2] == [
        ("PO-1", "refused", "operations-request-differs"),
        ("PO-2", "unchanged", ""),
    ]


def test_more_rows_than_one_unit_of_work_takes(plant: Database) -> None:
    rows = [f"L-{n},BOARD,1" for n in range(BLOCK_ROWS + 5)]
    done = take(plant, "\n".join(["lot,material,qty", *rows, "L-X,NONE,1"]), Kind.material_lots)
    assert done.counts == ImportCounts(created=BLOCK_ROWS + 5, refused=1)
    assert [o.line for o in done.outcomes] == list(range(2, BLOCK_ROWS + 8))
    assert len(plant.read_now(list_material_lots, limit=1000).items) == BLOCK_ROWS + 5


def test_a_mapping_is_remembered_and_used(plant: Database) -> None:
    mapping = ImportMapping({"id": "A", "material_id": "B", "quantity": "C"}, {"unit": "pcs"})
    saved = SavedMapping("sap-lots", Kind.material_lots, mapping, "sap_*.csv")
    plant.write_now(service.put_mapping, actor=None, saved=saved)
    plant.write_now(service.put_mapping, actor=None, saved=saved, version=1)
    assert plant.read_now(queries.get_mapping, name="sap-lots") == saved
    assert plant.read_now(queries.find_mapping_of_file, filename="SAP_1.CSV") == saved
    assert plant.read_now(queries.find_mapping_of_file, filename="other.csv") is None
    done = take(plant, "A,B,C\nL-1,BOARD,5\n", Kind.material_lots, mapping_name="sap-lots")
    assert told(done) == [("L-1", "created", "")]
    for kind, name, code in (
        (Kind.persons, "sap-lots", "import-mapping-invalid"),
        (Kind.material_lots, "none", "import-mapping-not-found"),
    ):
        with pytest.raises(Refusal) as refused:
            take(plant, "A,B,C\nL-1,BOARD,5\n", kind, mapping_name=name)
        assert refused.value.code == code
    with pytest.raises(Refusal, match="version 1, not 7"):
        plant.write_now(service.put_mapping, actor=None, saved=saved, version=7)
    plant.write_now(service.remove_mapping, actor=None, name="sap-lots")
    assert plant.read_now(queries.list_mappings) == ()
    with pytest.raises(Refusal):
        plant.write_now(service.remove_mapping, actor=None, name="sap-lots")


@pytest.mark.parametrize(
    ("mapping", "pattern"),
    [
        (ImportMapping({"colour": "A"}), ""),
        (ImportMapping({"id": "A"}, delimiter="x"), ""),
        (ImportMapping({"id": "A"}, encoding="ebcdic"), ""),
        (ImportMapping(), "*.csv"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(plant: Database, mapping: ImportMapping, pattern: str) -> None:
    with pytest.raises(Refusal) as refused:
        plant.write_now(service.put_mapping, actor=None, saved=SavedMapping("m", Kind.material_lots, mapping, pattern))
    assert refused.value.code == "import-mapping-invalid"


def test_a_file_is_kept_until_it_is_imported_and_forgotten_in_time(plant: Database, clock: SettableClock) -> None:
    def keep(import_id: str) -> None:
        plant.write_now(
            service.keep_file,
            actor=None,
            import_id=import_id,
            kind=Kind.persons,
            name="p.csv",
            content=b"person\n17\n",
            mapping=ImportMapping(),
            mapping_name="",
        )

    keep("one")
    keep("two")
    other = ImportMapping(fixed={"name": "Ada"})
    plant.write_now(service.set_file_mapping, actor=None, import_id="one", mapping=other, mapping_name="")
    waiting = plant.read_now(queries.get_waiting_file, import_id="one")
    assert (waiting.content, waiting.mapping) == (b"person\n17\n", other)
    finish = {"import_id": "one", "counts": ImportCounts(created=1), "headers": ["person"], "refused": []}
    plant.write_now(service.finish_import, actor=None, **finish)
    for again in (
        lambda: plant.write_now(service.finish_import, actor=None, **finish),
        lambda: plant.read_now(queries.get_waiting_file, import_id="one"),
    ):
        with pytest.raises(Refusal) as refused:
            again()
        assert refused.value.code == "import-finished"
    clock.advance(days=2)
    plant.write_now(service.forget_old_imports, actor=None)
    page = plant.read_now(queries.list_imports, limit=10)
    assert [(view.import_id, view.counts.created) for view in page.items] == [("one", 1)]
    clock.advance(days=90)
    plant.write_now(service.forget_old_imports, actor=None)
    with pytest.raises(Refusal) as gone:
        plant.read_now(queries.get_import, import_id="one")
    assert gone.value.code == "import-not-found"


def test_a_plant_has_so_many_mappings(plant: Database) -> None:
    def many(uow: object, *, count: int) -> None:
        for n in range(count):
            service.put_mapping(uow, saved=SavedMapping(f"m{n}", Kind.persons, ImportMapping()))  # type: ignore[arg-type]

    plant.write_now(many, actor=None, count=MAPPINGS_MAX)
    with pytest.raises(Refusal) as refused:
        plant.write_now(many, actor=None, count=MAPPINGS_MAX + 1)
    assert refused.value.code == "import-mapping-invalid"


BILL = (
    "Stückliste;Arbeitsgang;Komponente;Menge;ME;Ausschuss %\n"
    "LAMP-ROUTE;FIT;SCREW;2;;\nLAMP-ROUTE;FIT;GLUE;0,0015;kg;2,5\n"
)


def bill(plant: Database) -> tuple[str, str, dict[str, list[tuple[str, str]]]]:
    """Of the newest version: its label, its state, and what a piece needs by step."""
    newest = plant.read_now(get_definition, definition_id="LAMP-ROUTE")
    needs = {s.id: [(m.material_id, str(from_e6(m.quantity_e6))) for m in s.materials] for s in newest.segments}
    return newest.version_label, newest.state.value, needs


def test_a_bill_is_taken_whole_into_a_draft(plant: Database) -> None:
    plant.write_now(build_benches, actor=None)
    before = plant.read_now(head_seq)
    expected = [(f"LAMP-ROUTE / FIT / {name}", "updated", "") for name in ("SCREW", "GLUE")]
    assert told(take(plant, BILL, Kind.bills, dry_run=True)) == expected
    assert plant.read_now(head_seq) == before
    assert told(take(plant, BILL, Kind.bills)) == expected
    assert bill(plant) == ("2", "Draft", {"CUT": [], "FIT": [("GLUE", "1.5"), ("SCREW", "2")], "TEST": []})
    assert {outcome.result for outcome in take(plant, BILL, Kind.bills).outcomes} == {Result.unchanged}

    moved = "routing,step,component,qty\nLAMP-ROUTE,TEST,SCREW,3\n"
    assert told(take(plant, moved, Kind.bills)) == [("LAMP-ROUTE / TEST / SCREW", "updated", "")]
    assert bill(plant) == ("2", "Draft", {"CUT": [], "FIT": [], "TEST": [("SCREW", "3")]}), "the draft is drawn up anew"
    released = {"definition_id": "LAMP-ROUTE", "version_label": "2", "state": DefinitionState.Released}
    plant.write_now(set_definition_state, actor=None, **released)
    assert told(take(plant, moved, Kind.bills)) == [("LAMP-ROUTE / TEST / SCREW", "unchanged", "")]
    take(plant, BILL, Kind.bills)
    assert bill(plant)[:2] == ("3", "Draft"), "what was released stays"


def test_what_a_row_of_a_bill_leaves_out_stays(plant: Database) -> None:
    plant.write_now(build_benches, actor=None)
    take(plant, BILL, Kind.bills)
    more = "routing,step,component,qty\nLAMP-ROUTE,FIT,SCREW,2\nLAMP-ROUTE,FIT,GLUE,4\n"
    take(plant, more, Kind.bills)
    (fit,) = [s for s in plant.read_now(get_definition, definition_id="LAMP-ROUTE").segments if s.id == "FIT"]
    assert [(m.material_id, m.quantity_e6, m.allowance_e6) for m in fit.materials] == [
        ("GLUE", 4_000_000, 2_500_000),
        ("SCREW", 2_000_000, 0),
    ]


def test_a_bad_row_keeps_out_its_bill_and_no_other(plant: Database) -> None:
    plant.write_now(build_benches, actor=None)
    spec = DefinitionSpec("HULL-ROUTE", "LAMP", (SegmentSpec("ONLY", "WM-FIT", "FITTER"),))
    plant.write_now(put_definitions, actor=None, specs=[spec])
    head = "routing,step,component,qty,uom\n"
    text = head + "LAMP-ROUTE,FIT,SCREW,2,\nLAMP-ROUTE,FIT,NONE,1,\nLAMP-ROUTE,GLUE,SCREW,1,\nHULL-ROUTE,,SCREW,1,\n"
    assert [code for _, _, code in told(take(plant, text, Kind.bills))] == [
        *("import-bill-incomplete", "material-not-found", "operations-segment-not-found", ""),
    ]
    assert plant.read_now(get_definition, definition_id="HULL-ROUTE").version_label == "2"
    for row, code in (
        ("LAMP-ROUTE,FIT,GLUE,1,kilo", "unit-not-convertible"),
        ("LAMP-ROUTE,,GLUE,1,", "import-row-invalid"),
        ("LAMP-ROUTE,FIT,GLUE,none,", "import-row-invalid"),
        ("LAMP-ROUTE,FIT,,1,", "import-row-invalid"),
        ("LAMP-ROUTE,FIT,SCREW,1,", "import-row-twice"),
        (",FIT,GLUE,1,", "import-row-invalid"),
    ):
        done = told(take(plant, f"{head}LAMP-ROUTE,FIT,SCREW,2,\n{row}\n", Kind.bills))
        assert [found for _, _, found in done] == ["import-bill-incomplete", code], row
    assert told(take(plant, f"{head}NO-ROUTE,FIT,SCREW,2,\n", Kind.bills))[0][2] == "operations-definition-not-found"
    assert bill(plant)[:2] == ("1", "Released")
