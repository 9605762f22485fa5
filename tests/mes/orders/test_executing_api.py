"""A station over HTTP: a job is started, paused, resumed and counted; what was wrong is taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from mes.access.types import Role
from mes.definitions.service import put_definitions, put_work_masters
from mes.definitions.types import DefinitionSpec, SegmentSpec, WorkMasterSpec
from mes.kernel.db import Database
from mes.orders.queries import get_job
from mes.orders.service import complete_job, release_jobs, submit_operations_request
from mes.orders.types import JobView
from tests.support.plants import BENCH
from tests.web.cast import as_, hire_cast

JOB = "PO-1-FIT"
URL = "/api/v1/job-orders"


@pytest.fixture
def ada(plant: Database) -> dict[str, str]:
    """An operator's headers; a job is released at the bench."""
    plant.write_now(put_work_masters, actor=None, specs=[WorkMasterSpec("WM-FIT")])
    route = DefinitionSpec("FIT-ROUTE", "BOARD", (SegmentSpec("FIT", "WM-FIT", BENCH),))
    plant.write_now(put_definitions, actor=None, specs=[route])
    order = {"id": "PO-1", "operations_definition_id": "FIT-ROUTE", "quantity": Decimal(5)}
    plant.write_now(submit_operations_request, actor=None, **order)
    plant.write_now(release_jobs, actor=None, versions={JOB: 1})
    return as_(hire_cast(plant)[Role.operator])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_job_from_its_start_to_an_end_that_is_taken_back(
    http: httpx.AsyncClient, plant: Database, ada: dict[str, str]
) -> None:
    def job() -> JobView:
        return plant.read_now(get_job, job_id=JOB, now=plant.clock())

    async def do(act: str, **body: Any) -> int:
        answer = await http.post(f"{URL}/{act}", json=body, headers=ada)
        return answer.status_code

    for act, state in (("start", "Running"), ("pause", "Interrupted"), ("resume", "Running")):
        seen = job().version
        assert await do(act, job_id=JOB, version=seen) == 204
        assert job().state.name == state
        assert await do(act, job_id=JOB, version=seen) == 409
    for _ in range(2):
        assert await do("good", job_id=JOB, quantity="3", request_id="good-0001") == 204
    assert await do("scrap", job_id=JOB, quantity="1", reason_id="scratch", request_id="scrap-0001") == 204
    assert f"{job().good_low} {job().scrap_low}" == "3 1"
    assert await do("undo-count", request_id="good-0001", job_id="PO-9-10") == 409
    assert await do("undo-count", request_id="good-0001", job_id=JOB) == 204
    assert await do("undo-count", request_id="good-0001") == 409
    assert f"{job().good_low} {job().scrap_low}" == "0 1"
    assert await do("good", job_id=JOB, quantity="0", request_id="good-0002") == 422
    assert await do("scrap", job_id=JOB, quantity="1", reason_id="nothing", request_id="scrap-0002") == 422
    seen = job().version
    assert (await http.post(f"{URL}/complete", json={"job_id": JOB, "version": seen}, headers=ada)).status_code == 403
    assert await do("count", job_id=JOB, quantity_good="5", request_id="count-0001") == 409
    plant.write_now(complete_job, actor=None, job_id=JOB, version=seen)
    assert await do("undo-complete", job_id=JOB, version=job().version) == 204
    assert job().state.name == "Running"
