"""The plant of `tests.support.plants` with defect codes, and an order whose job runs at the bench."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, SegmentSpec
from mes.kernel.db import Database
from mes.orders.queries import get_job
from mes.orders.service import release_jobs, start_job, submit_operations_request
from mes.quality.service import put_defect_codes
from mes.quality.types import DefectCodeSpec
from tests.support.plants import BENCH


@pytest.fixture
def codes(plant: Database) -> None:
    specs = [DefectCodeSpec("BRIDGED", "Solder bridge"), DefectCodeSpec("MISSING", "Part is missing")]
    plant.write_now(put_defect_codes, actor=None, specs=specs)


@pytest.fixture
def order(plant: Database) -> str:
    """PO-1: PO-1-LINE, PO-1-PRESS, PO-1-BENCH."""
    plant.write_now(submit_operations_request, actor=None, id="PO-1", quantity=Decimal(50), material_id="BOARD")
    return "PO-1"


@pytest.fixture
def bench_runs(plant: Database) -> str:
    """A job of its own at the bench, running."""
    route = DefinitionSpec("BENCH-ONLY", "BOARD", (SegmentSpec("TEST", "WM-BENCH", BENCH),))
    plant.write_now(put_definitions, actor=None, specs=[route])
    (job_id,) = plant.write_now(
        submit_operations_request,
        actor=None,
        id="PO-9",
        quantity=Decimal(5),
        operations_definition_id="BENCH-ONLY",
    ).job_order_ids
    plant.write_now(release_jobs, actor=None, versions={job_id: version_of(plant, job_id)})
    plant.write_now(start_job, actor=None, job_id=job_id, version=version_of(plant, job_id))
    return job_id


def version_of(plant: Database, job_id: str) -> int:
    return plant.read_now(get_job, job_id=job_id, now=plant.clock()).version
