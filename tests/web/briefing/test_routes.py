"""At the station: what a job asks for, its instruction read step by step, and a supervisor's word. No JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from mes.definitions.queries import get_definition
from mes.definitions.service import put_document, replace_draft, set_definition_state
from mes.definitions.service.content import spec_of
from mes.definitions.service.drafts import begin_draft
from mes.definitions.types import DefinitionState, InstructionSpec
from mes.equipment.service import put_equipment
from mes.equipment.types import Confirmation, EquipmentSpec
from mes.orders.following.queries import get_followed
from mes.orders.service import release_jobs, start_job_by_override, submit_operations_request
from mes.orders.types import JobView
from mes.personnel.service import put_personnel_class
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.job_control import JobState
from tests.support.plants import BENCH, LINE
from tests.web.routing_factory import drawing, picture
from tests.web.site import Site

ROUTE = "BOARD-ROUTE"


@pytest.fixture
def job(site: Site) -> Iterator[JobView]:
    """A job at the bench that asks for a qualification and has an instruction of three steps; it can be started."""
    site.clear_bench()
    write = site.database.write_now
    write(put_personnel_class, actor=None, personnel_class_id="PACKER", description="Packs and labels")
    shown = [write(put_document, actor=None, content=content).sha256 for content in (picture(), drawing())]
    steps = (
        InstructionSpec("Fold", "Bottom first.", shown[0]),
        InstructionSpec("Fill"),
        InstructionSpec("Label", "", shown[1]),
    )
    newest = site.database.read_now(get_definition, definition_id=ROUTE)
    label = write(begin_draft, actor=None, definition_id=ROUTE, from_label=newest.version_label)
    draft = site.database.read_now(get_definition, definition_id=ROUTE, version_label=label)
    bench = replace(spec_of(draft).segments[-1], after=(), instructions=steps, personnel_class_ids=("PACKER",))
    spec = replace(spec_of(draft), segments=(bench,))
    write(replace_draft, actor=None, spec=spec, version_label=label, version=draft.version)
    asked = {"definition_id": ROUTE, "version_label": label, "state": DefinitionState.Released}
    write(set_definition_state, actor=None, **asked)
    order_id = f"PO-{uuid4().hex[:8]}"
    made = write(submit_operations_request, actor=None, id=order_id, quantity=5, operations_definition_id=ROUTE)
    write(release_jobs, actor=None, versions={made.job_order_ids[0]: 1})
    yield at_bench(site, made.job_order_ids[0])
    left = at_bench(site, made.job_order_ids[0])
    if left.state is JobState.AllowedToStart:  # nobody else may start it, so it would stand in the way
        out = {"job_id": left.job_id, "version": left.version, "reason": "the test is over"}
        write(start_job_by_override, actor=None, **out)
    site.clear_bench()
    restored = {"definition_id": ROUTE, "version_label": newest.version_label, "state": DefinitionState.Released}
    write(set_definition_state, actor=None, **restored)


def at_bench(site: Site, job_id: str) -> JobView:
    return next(job for job in site.jobs(BENCH) if job.job_id == job_id)


def said(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def read(client: httpx.Client, job: JobView, step: int) -> httpx.Response:
    return client.post(f"/s/{BENCH}/instructions", data={"job_id": job.job_id, "step": str(step)})


def test_an_operator_reads_step_by_step_and_the_station_says_how_far(site: Site, job: JobView) -> None:
    with site.client("ADA") as ada:
        assert "0 / 3 read" in said(ada.get(f"/s/{BENCH}"))
        first = ada.get(f"/s/{BENCH}/instructions", params={"job_id": job.job_id})
        assert "Step 1 of 3" in said(first)
        assert "Bottom first." in said(first)
        answer = read(ada, job, 1)
        assert answer.status_code == 303
        assert "Step 2 of 3" in said(ada.get(answer.headers["location"]))
        assert "1 / 3 read" in said(ada.get(f"/s/{BENCH}"))
        again = ada.get(f"/s/{BENCH}/instructions", params={"job_id": job.job_id})
        assert "Step 2 of 3" in said(again), "it opens where she left off"
        read(ada, job, 2)
        assert read(ada, job, 3).headers["location"] == f"/s/{BENCH}"
        assert "Read by Ada" in said(ada.get(f"/s/{BENCH}/instructions", params={"job_id": job.job_id, "step": 1}))
        assert read(ada, job, 4).status_code == 404
    steps = site.database.read_now(get_followed, job_id=job.job_id).instructions
    assert [[by.principal_id for by in step.read_by] for step in steps] == [["ADA"]] * 3


def test_pictures_and_drawings_are_served_as_what_they_are_and_framed_by_nobody_else(site: Site, job: JobView) -> None:
    with site.client("ADA") as ada:
        page = ada.get(f"/s/{BENCH}/instructions", params={"job_id": job.job_id, "step": 3})
        assert "frame-src 'self'" in page.headers["content-security-policy"]
        assert "script-src 'self'" in page.headers["content-security-policy"]
        address = re.search(r'<iframe src="(/documents/[0-9a-f]{64})', page.text)
        assert address
        shown = ada.get(address[1])
        assert (shown.content, shown.headers["content-type"]) == (drawing(), "application/pdf")
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in shown.headers["content-security-policy"]
        assert ada.get(f"/documents/{'0' * 64}").status_code == 404
        station = ada.get(f"/s/{BENCH}").headers
        assert "frame-src" not in station["content-security-policy"]
        assert station["x-frame-options"] == "DENY"


def test_without_the_qualification_only_a_supervisor_starts_it_and_says_why(site: Site, job: JobView) -> None:
    form = {"job_id": job.job_id, "version": str(job.version)}
    with site.client("ADA") as ada:
        assert "Asks for: Packs and labels" in said(ada.get(f"/s/{BENCH}"))
        refused = ada.post(f"/s/{BENCH}/start", data=form)
        assert refused.status_code == 403
        assert "qualification you do not have" in re.sub(r"<[^>]+>", "", refused.text)
        assert ada.post(f"/s/{BENCH}/allow", data={**form, "reason": "x"}).status_code == 403
    with site.client("SVEN") as sven:
        assert "Packs and labels" in said(sven.get(f"/s/{BENCH}/allow", params={"job_id": job.job_id}))
        assert sven.post(f"/s/{BENCH}/allow", data={**form, "reason": ""}).status_code == 422
        assert sven.post(f"/s/{BENCH}/allow", data={**form, "reason": "Trains Ada"}).status_code == 303
        assert at_bench(site, job.job_id).state is JobState.Running
        history = said(sven.get(f"/orders/{job.operations_request_id}"))
    assert "Qualification overridden by Sven" in history
    assert "Trains Ada" in history


def test_a_supervisor_moves_an_order_and_its_job_and_the_order_says_why(site: Site, job: JobView) -> None:
    write = site.database.write_now
    place = EquipmentSpec("BENCH-2", EquipmentLevel.WorkUnit, "BENCHES", confirmation=Confirmation.Manual)
    write(put_equipment, actor=None, specs=[place])
    newest = site.database.read_now(get_definition, definition_id=ROUTE)
    label = write(begin_draft, actor=None, definition_id=ROUTE, from_label=newest.version_label)
    draft = site.database.read_now(get_definition, definition_id=ROUTE, version_label=label)
    elsewhere = replace(spec_of(draft).segments[0], alternatives=("BENCH-2",), instructions=())
    changed = {"spec": replace(spec_of(draft), segments=(elsewhere,)), "version_label": label, "version": draft.version}
    write(replace_draft, actor=None, **changed)
    write(set_definition_state, actor=None, definition_id=ROUTE, version_label=label, state=DefinitionState.Released)
    address = f"/orders/{job.operations_request_id}/course"
    with site.client("SVEN") as sven:
        form = {"from_label": newest.version_label, "to_label": label, "reason": "The bench is full"}
        assert "names no other place" in said(sven.get(address))
        assert sven.post(f"{address}/version", data={**form, "from_label": "77"}).status_code == 409
        assert sven.post(f"{address}/version", data=form).headers["location"] == address
        assert "no other version" in said(sven.get(address))
        asked = {"job_id": job.job_id, "version": str(at_bench(site, job.job_id).version)}
        assert sven.post(f"{address}/place", data={**asked, "equipment_id": LINE}).status_code == 409
        assert sven.post(f"{address}/place", data={**asked, "equipment_id": "BENCH-2"}).status_code == 303
        assert job.job_id in [one.job_id for one in site.jobs("BENCH-2")]
        history = said(sven.get(f"/orders/{job.operations_request_id}"))
        back = {**asked, "version": str(int(asked["version"]) + 1), "equipment_id": BENCH}
        assert sven.post(f"{address}/place", data=back).status_code == 303
    assert f"{newest.version_label} → {label} · The bench is full" in history
