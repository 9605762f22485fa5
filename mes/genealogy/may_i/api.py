"""REST of the question: a station, a tester or an edge box asks, and reports what became of the unit."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query

from mes.access.door import Caller, caller
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.schemas import PermissionOut, ProgramOverrideIn, StepIn
from mes.genealogy.may_i.service import let_program, report_step
from mes.kernel.sqltypes import to_us
from mes.kernel.texts import NO_NUL
from mes.quality.types import Verdict

router = api_router("genealogy")

Word = Annotated[str, Query(max_length=100), NO_NUL]
Named = Annotated[str, Path(max_length=250), NO_NUL]
Asks = Annotated[str, Query(max_length=250), NO_NUL]
Supervisor = Annotated[Caller, Depends(caller(Permission.override_refusals))]
Reporter = Annotated[Caller, Depends(caller(Permission.report_results))]


@router.get("/units/{unit_id}/permission", openapi_extra=refuses("equipment-not-found"))
async def may_work_on_unit(
    caller: Reporter, unit_id: Named, equipment_id: Asks, program: Word = "", program_revision: Word = ""
) -> PermissionOut:
    """May this unit be worked on here? Refused is an answer too: 200 with `allowed` false and its `code`.

    `program` and `program_revision`: what the machine is about to run, where it knows.
    """
    found = await caller.read(
        get_permission,
        unit_id=unit_id,
        equipment_id=equipment_id,
        now_us=to_us(caller.database.clock()),
        program=program,
        program_revision=program_revision,
    )
    return PermissionOut.of(found)


@router.post(
    "/program-overrides",
    status_code=204,
    openapi_extra=refuses(
        "idempotency-key-reused job-order-not-found job-version-conflict program-missing reason-missing"
    ),
)
async def override_program(caller: Supervisor, body: ProgramOverrideIn) -> None:
    """Let a job be made with a program, or a revision, that it does not ask for. Who and why is kept, and each unit's
    verdict is flagged."""
    await caller.write(
        let_program,
        job_id=body.job_order_id,
        program=body.program,
        program_revision=body.program_revision,
        reason=body.reason,
        request_id=body.request_id,
    )


@router.post(
    "/units/{unit_id}/steps",
    openapi_extra=refuses(
        "defect-code-not-found equipment-not-found idempotency-key-reused job-order-not-found "
        "machine-unreachable result-differs result-invalid results-too-many unit-refused"
    ),
)
async def report_unit_step(caller: Reporter, unit_id: Named, body: StepIn) -> PermissionOut:
    """A unit passed or failed its step here; 409 `unit-refused` where it may not be worked on, unless `done_at` says
    that it was done while nobody could ask."""
    found = await caller.write(
        report_step,
        unit_id=unit_id,
        equipment_id=body.equipment_id,
        verdict=Verdict[body.outcome],
        request_id=body.request_id,
        at_us=None if body.done_at is None else to_us(body.done_at),
        defects=tuple(one.defect() for one in body.defects),
        note=body.note,
        was_away=body.done_at is not None,
        program=body.program,
        program_revision=body.program_revision,
    )
    return PermissionOut.of(found)
