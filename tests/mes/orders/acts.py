"""What people do with orders, in as few words as tests need; and a route of benches that needs no machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mes.definitions.service import put_definitions, put_work_masters
from mes.definitions.types import (
    DefinitionSpec,
    MaterialSpecification,
    SegmentDependency,
    SegmentSpec,
    WorkMasterSpec,
)
from mes.equipment.service import put_equipment
from mes.equipment.types import Confirmation, EquipmentSpec
from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec, UnitConversion
from mes.orders.queries import get_job, get_operations_request
from mes.orders.service import complete_job, release_jobs, report_good, start_job, submit_operations_request
from mes.orders.types import JobView, OrderCard
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import MaterialUse

STEPS = ("CUT", "FIT", "TEST")
BENCHES = {"CUT": "CUTTER", "FIT": "FITTER", "TEST": "TESTER"}
REWORK = "MENDER"


def build_benches(uow: UnitOfWork) -> None:
    """CUT (four a cycle, 10 s) → FIT (a screw and 2 g of glue a piece) → TEST, all by hand, and a bench for rework."""
    names = [*BENCHES.values(), REWORK]
    specs = [EquipmentSpec(n, EquipmentLevel.WorkUnit, "BENCHES", confirmation=Confirmation.Manual) for n in names]
    put_equipment(uow, specs=specs)
    glue = MaterialSpec("GLUE", "g", conversions=(UnitConversion("kg", 1000, 1),))
    put_materials(uow, specs=[MaterialSpec("LAMP", "pcs", "Lamp"), MaterialSpec("SCREW", "pcs"), glue])
    masters = [WorkMasterSpec(f"WM-{step}") for step in STEPS]
    masters[0] = WorkMasterSpec("WM-CUT", parameters={"setup_family": "blade-3"})
    put_work_masters(uow, specs=masters)
    consumed = tuple(MaterialSpecification(m, MaterialUse.Consumed, Decimal(n)) for m, n in (("SCREW", 1), ("GLUE", 2)))
    cut = SegmentSpec("CUT", "WM-CUT", BENCHES["CUT"], Decimal(4), nominal_cycle_s=Decimal(10))
    fit = SegmentSpec("FIT", "WM-FIT", BENCHES["FIT"], after=(SegmentDependency("CUT"),), materials=consumed)
    test = SegmentSpec("TEST", "WM-TEST", BENCHES["TEST"], after=(SegmentDependency("FIT"),))
    put_definitions(uow, specs=[DefinitionSpec("LAMP-ROUTE", "LAMP", (cut, fit, test))])


@dataclass
class Acts:
    """`job` and `order` look; the others do. Versions are what was seen last."""

    plant: Database

    def do(self, verb: Callable[..., Any], **kwargs: Any) -> Any:
        return self.plant.write_now(verb, actor=None, **kwargs)

    def job(self, job_id: str) -> JobView:
        return self.plant.read_now(get_job, job_id=job_id, now=self.plant.clock())

    def order(self, order_id: str) -> OrderCard:
        return self.plant.read_now(get_operations_request, operations_request_id=order_id, now=self.plant.clock())

    def submit(self, order_id: str = "LO-1", quantity: int = 40, **more: Any) -> tuple[str, ...]:
        values = {"id": order_id, "quantity": Decimal(quantity), "material_id": "LAMP", **more}
        return tuple(self.do(submit_operations_request, **values).job_order_ids)

    def to_job(self, verb: Callable[..., Any], job_id: str, **kwargs: Any) -> Any:
        """A verb with the job's version as it is now."""
        return self.do(verb, job_id=job_id, version=self.job(job_id).version, **kwargs)

    def to_order(self, verb: Callable[..., Any], order_id: str, **kwargs: Any) -> Any:
        revision = self.order(order_id).revision
        return self.do(verb, operations_request_id=order_id, revision=revision, **kwargs)

    def release(self, *job_ids: str, **more: Any) -> None:
        self.do(release_jobs, versions={job_id: self.job(job_id).version for job_id in job_ids}, **more)

    def start(self, *job_ids: str) -> None:
        for job_id in job_ids:
            self.to_job(start_job, job_id)

    def good(self, job_id: str, quantity: int) -> None:
        request_id = f"good-{job_id}-{self.job(job_id).good_low}-{quantity}"
        self.do(report_good, job_id=job_id, quantity=Decimal(quantity), request_id=request_id)

    def complete(self, job_id: str, **more: Any) -> None:
        self.to_job(complete_job, job_id, **more)

    def make(self, job_id: str, quantity: int) -> None:
        """From start to end."""
        self.start(job_id)
        self.good(job_id, quantity)
        self.complete(job_id)
