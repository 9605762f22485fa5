"""Made-up routings and what a job follows, as queries would answer them, for the screens' tests."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from mes.definitions.queries import (
    InstructionView,
    ResolvedDefinition,
    ResolvedMaterial,
    ResolvedPlace,
    ResolvedSegment,
    ResolvedSubstitute,
    WorkMasterView,
)
from mes.definitions.types import DataType, DefinitionState, Effectivity, MediaType, ParameterLimit
from mes.orders.following.types import (
    Acknowledgement,
    Briefing,
    Followed,
    FollowedInstruction,
    FollowedParameter,
    FollowingJob,
    FollowingOrder,
    InstructionCount,
    ParameterChange,
)
from mes.quality.types import StepCheck
from web.patterns.samples import NOW
from web.routings.views import Option

LONG: Final = "Lagergehäusehälfte-mit-Schmiernippelgewindebohrung-gefräst-und-entgratet"
LONG_ID: Final = "PO-" + "4" * 90
PICTURE: Final = "a" * 64
DRAWING: Final = "b" * 64


def picture() -> bytes:
    """A PNG of one grey point."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    )
    parts = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def drawing() -> bytes:
    """A PDF of one page with a label on it."""
    text = b"0.5 w 40 60 320 180 re S BT /F1 28 Tf 60 190 Td (CB-100-EU) Tj 0 -50 Td (10 boards) Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 300] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    )
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 7\n0000000000 65535 f \n" + table + trailer


def instruction(number: int, title: str, text: str = "", kind: MediaType | None = None) -> InstructionView:
    digest = {None: "", MediaType.png: PICTURE, MediaType.pdf: DRAWING}[kind]
    return InstructionView(number, number, title, text, digest, kind)


STEPS: Final = (
    instruction(1, "Fold the carton", "Close the bottom first.\nTen boards fit in one carton.", MediaType.png),
    instruction(2, "Put the boards in", "Component side up. Never stack without the separator sheet."),
    instruction(3, "Stick the label on", "", MediaType.pdf),
)


def segment(name: str, number: int, *after: str, **over: object) -> ResolvedSegment:
    made = ResolvedSegment(
        pk=number,
        id=name,
        sequence=number,
        description="",
        work_master_pk=number,
        work_master_id=f"WM-{name}",
        work_master_version="1",
        equipment_pk=number,
        equipment_id=f"{name}-1",
        work_center_id=name,
        area_id="ELECTRONICS",
        manual=False,
        quantity_per_cycle_e6=1_000_000,
        cycle_unit="board",
        nominal_cycle_s=Decimal(20),
        after=tuple((one, "AfterEnd") for one in after),
        materials=(),
        own_nominal_cycle_s=Decimal(20),
    )
    return replace(made, **over)  # type: ignore[arg-type]


def material(name: str, quantity_e6: int, unit: str = "pcs", use: str = "Consumed", **over: object) -> ResolvedMaterial:
    return replace(ResolvedMaterial(1, name, unit, use, quantity_e6), **over)  # type: ignore[arg-type]


def segments() -> tuple[ResolvedSegment, ...]:
    paste = material("SP-305", 600_000, "g", allowance_e6=2_500_000)
    resistor = material(
        "R-10K-0402",
        24_000_000,
        substitutes=(
            ResolvedSubstitute(1, "R-10K-0402-B", "pcs", 24_000_000),
            ResolvedSubstitute(2, "R-10K-0603", "pcs", 24_000_000),
        ),
    )
    return (
        segment(
            "SMT",
            1,
            description="SMT assembly",
            quantity_per_cycle_e6=8_000_000,
            cycle_unit="panel",
            materials=(material("PCB-CB-100", 125_000, "panel"), resistor, paste),
            alternatives=(ResolvedPlace(9, "SMT-2"),),
            parameters={"peak_c": "247"},
            personnel_class_ids=("SMT-OPERATOR",),
        ),
        segment("DEPANEL", 2, "SMT", description="Depanel"),
        segment("LABEL", 3, "SMT", description="Print labels"),
        segment(
            "PACK",
            4,
            "DEPANEL",
            "LABEL",
            description="Pack",
            manual=True,
            materials=(material("BOX-10", 100_000), material("CB-100", 1_000_000, use="Produced")),
            personnel_class_ids=("PACKER",),
            instructions=STEPS,
        ),
    )


def definition(
    label: str = "2", state: DefinitionState = DefinitionState.Released, **over: object
) -> ResolvedDefinition:
    made = ResolvedDefinition(
        pk=int(label),
        id="CB-100-ROUTE",
        version_label=label,
        material_pk=1,
        material_id="CB-100",
        unit="pcs",
        segments=segments(),
        description="Controller board, from bare panel to carton",
        state=state,
        version=3,
        fixed=state is not DefinitionState.Draft,
    )
    return replace(made, **over)  # type: ignore[arg-type]


def versions() -> tuple[ResolvedDefinition, ...]:
    """Replaced, in force, from next week on, and a draft."""
    later = Effectivity(from_at=NOW + timedelta(days=7))
    return (
        definition("1", DefinitionState.Obsolete),
        definition("2"),
        definition("3", effectivity=later),
        definition("4", DefinitionState.Draft),
    )


def milling() -> ResolvedDefinition:
    over = {"id": "BH-200-ROUTE", "material_id": "BH-200", "description": "Bearing housing"}
    return definition("1", segments=(segment("MILL", 1, description="Mill, two at a time"),), **over)


def long_names() -> ResolvedDefinition:
    one = segment(
        "S" + "9" * 90,
        1,
        description=LONG,
        work_master_id="W" + "8" * 90,
        equipment_id="E" + "7" * 90,
        materials=(material("M" + "6" * 90, 999_999_999_999),),
        instructions=(instruction(1, LONG, LONG * 4, MediaType.png),),
    )
    return definition("1", DefinitionState.Draft, id="R" + "5" * 90, description=LONG, segments=(one,))


CHECKS: Final = {"WM-SMT": StepCheck.passed, "WM-LABEL": StepCheck.nothing}


def recipes() -> dict[tuple[str, str], WorkMasterView]:
    """Of the first step two versions: the routing has the older one, which ends."""
    limits = {
        "peak_c": ParameterLimit(DataType.decimal, "Cel", Decimal(240), Decimal(250)),
        "nozzles": ParameterLimit(DataType.integer, "", None, Decimal(16)),
    }
    values = {"program": "CB-100-TOP-R3", "nozzles": "12", "peak_c": "245", "conveyor_cm_per_min": "85"}
    said = "Controller board, SMT"
    ends = Effectivity(until_at=NOW + timedelta(days=7))
    return {
        ("WM-SMT", "1"): WorkMasterView(1, "WM-SMT", "1", said, values, limits, ends),
        ("WM-SMT", "2"): WorkMasterView(2, "WM-SMT", "2", said, values, limits),
    }


def choices() -> dict[str, list[Option]]:
    def named(*names: str) -> list[Option]:
        return [Option(name, f"{name} – made up for tests") for name in names]

    return {
        "places": named("SMT-1", "SMT-2", "DEPANEL-1", "LABEL-1", "PACK-1"),
        "work_masters": named("WM-SMT", "WM-DEPANEL", "WM-LABEL", "WM-PACK"),
        "materials": named("PCB-CB-100", "SP-305", "R-10K-0402", "BOX-10", "CB-100"),
        "classes": named("SMT-OPERATOR", "PACKER"),
    }


def followed(*, read: int = 0, steps: tuple[InstructionView, ...] = STEPS) -> Followed:
    """A job at the packing bench; the first `read` steps were read by Sven and by somebody else."""
    readers = (
        Acknowledgement("SVEN", "Sven Lindqvist", NOW - timedelta(minutes=20)),
        Acknowledgement("ADA", "Ada Lindqvist", NOW - timedelta(minutes=4)),
    )
    return Followed(
        job_id="PO-1001-PACK",
        job_version=3,
        description="Pack",
        operations_request_id="PO-1001",
        definition_id="CB-100-ROUTE",
        definition_version="2",
        segment_id="PACK",
        work_master_id="WM-PACK",
        work_master_version="1",
        equipment_id="PACK-1",
        equipment_ids=("PACK-1",),
        personnel_class_ids=("PACKER",),
        parameters=(),
        materials=(),
        instructions=tuple(
            FollowedInstruction(step, readers if n <= read else ()) for n, step in enumerate(steps, start=1)
        ),
    )


def job_parameters() -> tuple[FollowedParameter, ...]:
    """One that a supervisor set for the job, one within limits, one that its version fixes."""
    torque = ParameterLimit(DataType.decimal, "N·m", Decimal("0.5"), Decimal("0.9"))
    change = ParameterChange("0.7", "Lids of the new supplier are softer", "Sven Lindqvist", NOW)
    return (
        FollowedParameter("Screw torque", "0.6", torque, change),
        FollowedParameter("Screws", "4", ParameterLimit(DataType.integer, "", None, Decimal(6))),
        FollowedParameter("program", "LID-7-WITH-A-LONG-NAME-THAT-HAS-NO-SPACE-TO-BREAK-AT-0000000000", None),
    )


def briefing(read: int = 1) -> Briefing:
    return Briefing(InstructionCount(3, read), ("Packs and labels",), job_parameters())


def following(order_id: str = "PO-1001") -> FollowingOrder:
    """Two steps have begun, one may be done elsewhere, one may not."""
    jobs = (
        FollowingJob(f"{order_id}-SMT", "SMT assembly", "1", "SMT-1", ("SMT-1", "SMT-2"), True, 4),
        FollowingJob(f"{order_id}-DEPANEL", "Depanel", "1", "DEPANEL-1", ("DEPANEL-1",), True, 3),
        FollowingJob(f"{order_id}-LABEL", "Print labels", "2", "LABEL-1", ("LABEL-1", "LABEL-2"), False, 2),
        FollowingJob(f"{order_id}-PACK", "Pack", "2", "PACK-1", ("PACK-1",), False, 1),
    )
    return FollowingOrder(order_id, "CB-100-ROUTE", "2", ("4", "3"), jobs)
