"""A bench where people scan: a running job with a bill, lots of what it takes, and a line with a set-up list."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, MaterialSpecification, SegmentSpec, Substitute
from mes.genealogy.service import put_setup
from mes.kernel.db import Database
from mes.materials.receiving.service import receive_lot
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.service import put_lots, put_materials
from mes.materials.types import LotSpec, MaterialSpec, UnitConversion
from mes.orders.queries import get_job
from mes.orders.service import release_jobs, start_job, submit_operations_request
from mes.quality.service import put_defect_codes
from mes.quality.types import DefectCodeSpec
from standards.isa95.material import MaterialUse
from standards.labels.ecia import ProductLabel, write_product_label
from tests.support.plants import BENCH, LINE

LABEL: Final = write_product_label(ProductLabel("SCREW", "M3-8", Decimal(1000), "L77", "2638", "Screwworks"))
MATERIALS: Final = (
    MaterialSpec("SCREW", "pcs", "Screw M3x8"),
    MaterialSpec("SCREW-B", "pcs", "Screw M3x8, second source"),
    MaterialSpec("GLUE", "g", "Thread lock", (UnitConversion("kg", 1000, 1),)),
    MaterialSpec("LID", "pcs", "Lid"),
    MaterialSpec("RES", "pcs", "Resistor"),
    MaterialSpec("CAP", "pcs", "Capacitor"),
)
LOTS: Final = (
    LotSpec("S-1", "SCREW", Decimal(100), "pcs"),
    LotSpec("S-2", "SCREW", Decimal(100), "pcs"),
    LotSpec("SB-1", "SCREW-B", Decimal(100), "pcs"),
    LotSpec("G-1", "GLUE", Decimal("0.5"), "kg"),
    LotSpec("LID-1", "LID", Decimal(1), "pcs"),
    LotSpec("R-1", "RES", Decimal(1000), "pcs"),
    LotSpec("R-2", "RES", Decimal(1000), "pcs"),
    LotSpec("C-1", "CAP", Decimal(1000), "pcs"),
)


def stock_bench(plant: Database) -> str:
    """Lots, codes, a set-up list of LINE with slots 1 (RES), 2 (CAP) and 10 (anything), and a running job at BENCH that
    takes four screws and a gram of glue for each piece: answers its id."""

    def do(verb: object, **kwargs: object) -> object:
        return plant.write_now(verb, actor=None, **kwargs)  # type: ignore[arg-type]

    do(put_materials, specs=MATERIALS)
    do(put_lots, specs=LOTS)
    do(put_defect_codes, specs=[DefectCodeSpec("BRIDGED", "Solder bridge"), DefectCodeSpec("MISSING", "Part missing")])
    do(put_setup, equipment_id=LINE, materials={"10": "", "2": "CAP", "1": "RES"})
    instead = (Substitute("SCREW-B", Decimal(5)),)
    bill = (
        MaterialSpecification("SCREW", MaterialUse.Consumed, Decimal(4), substitutes=instead),
        MaterialSpecification("GLUE", MaterialUse.Consumed, Decimal(1)),
        MaterialSpecification("BOARD", MaterialUse.Produced, Decimal(1)),
    )
    segment = SegmentSpec("ASSEMBLE", "WM-BENCH", BENCH, description="Screw the lid on", materials=bill)
    do(put_definitions, specs=[DefinitionSpec("BENCH-ONLY", "BOARD", (segment,))])
    order = {"id": "PO-S", "quantity": Decimal(20), "operations_definition_id": "BENCH-ONLY"}
    (job_id,) = plant.write_now(submit_operations_request, actor=None, **order).job_order_ids  # type: ignore[arg-type]
    do(release_jobs, versions={job_id: version_of(plant, job_id)})
    do(start_job, job_id=job_id, version=version_of(plant, job_id))
    return str(job_id)


def receive(plant: Database, request_id: str) -> str:
    """A lot of screws that came in under LABEL."""
    spec = ReceiptSpec("SCREW", Decimal(1000), "pcs", request_id, label=LABEL)
    return str(plant.write_now(receive_lot, actor=None, spec=spec))


def version_of(plant: Database, job_id: str) -> int:
    return plant.read_now(get_job, job_id=job_id, now=plant.clock()).version
