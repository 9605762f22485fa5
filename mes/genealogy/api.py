"""REST of genealogy: what was done is recorded, and the questions, each as JSON, CSV or text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path, Query, Request, Response

from mes.access.door import Caller, caller, require
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.genealogy import queries, service
from mes.genealogy.formats import MEDIA_TYPES, Format, answer_bytes, format_of
from mes.genealogy.schemas import (
    ActOut,
    AdjustmentIn,
    AnswerOut,
    HeldOut,
    MergeLotsIn,
    MountIn,
    MoveIn,
    OverrideIn,
    PackIn,
    PassIn,
    PassOut,
    RecallIn,
    RecordingIn,
    RecordingOut,
    ReleasedOut,
    RemovalIn,
    ReversalIn,
    ScanIn,
    SetupIn,
    SharedIn,
    ShipIn,
    SplitIn,
    SuspectHoldIn,
    SuspectReleaseIn,
    UnmountIn,
    UnpackIn,
)
from mes.genealogy.types import NODES_MAX, Answer, Override, Recording
from mes.kernel.idempotency import fingerprint, run_once
from mes.kernel.sqltypes import to_us
from mes.kernel.texts import NO_NUL
from mes.kernel.uow import UnitOfWork
from standards.isa95.quantity import to_e6

router = api_router("genealogy", prefix="/api/v1/genealogy")

RECORDING: Final = (
    "floor-life-over genealogy-cycle genealogy-invalid genealogy-too-large idempotency-key-reused "
    "lot-expired lot-not-released lot-not-usable lot-on-hold lot-open-too-long lot-unknown "
    "lot-used-up material-lot-closed mount-out-of-order part-not-approved wrong-material"
)
"""What every act that records genealogy can be refused with."""


Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Operator = Annotated[Caller, Depends(caller(Permission.operate))]
Supervisor = Annotated[Caller, Depends(caller(Permission.release_jobs))]
Decider = Annotated[Caller, Depends(caller(Permission.decide_quality))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]


@dataclass(frozen=True, slots=True)
class Asked:
    """How the answer is wanted."""

    format: Format
    table: str


async def how(format: Format | None = None, table: str = "", accept: Annotated[str, Header()] = "") -> Asked:
    """`?format=csv&table=lots`, or the Accept header."""
    return Asked(format_of(format, accept), table)


How = Annotated[Asked, Depends(how)]
Named = Annotated[str, Path(max_length=250), NO_NUL]
Asks = Annotated[str, Query(max_length=250), NO_NUL]
ActNumber = Annotated[int, Path(ge=1, lt=2**63)]
Nodes = Annotated[int, Query(ge=1, le=NODES_MAX)]


async def _answer(caller: Caller, asked: Asked, query: Callable[..., Answer], **wanted: Any) -> Response:
    content = await caller.read(answer_bytes, query=query, format=asked.format, table=asked.table, **wanted)
    return Response(content, media_type=MEDIA_TYPES[asked.format])


# -- questions


@router.get("/lots/{lot_id}/made-of", response_model=AnswerOut, openapi_extra=refuses("genealogy-invalid lot-unknown"))
async def get_made_of(caller: Viewer, asked: How, lot_id: Named, limit: Nodes = NODES_MAX) -> Response:
    """Where from: everything a lot was made of, the full tree. Tables: links, lots."""
    return await _answer(caller, asked, queries.trace_from, lot_id=lot_id, limit=limit)


@router.get("/lots/{lot_id}/used-in", response_model=AnswerOut, openapi_extra=refuses("genealogy-invalid lot-unknown"))
async def get_used_in(caller: Viewer, asked: How, lot_id: Named, limit: Nodes = NODES_MAX) -> Response:
    """Where used: everything a lot went into, down to shipments. Tables: links, lots."""
    return await _answer(caller, asked, queries.trace_used, lot_id=lot_id, limit=limit)


@router.get("/lots/{lot_id}/shipped", response_model=AnswerOut, openapi_extra=refuses("genealogy-invalid lot-unknown"))
async def get_shipped(caller: Viewer, asked: How, lot_id: Named, limit: Nodes = NODES_MAX) -> Response:
    """The serialised units that a lot went into and that have left, by shipment and customer. Table: shipped."""
    return await _answer(caller, asked, queries.list_shipped, lot_ids=[lot_id], limit=limit)


@router.get("/lots/{lot_id}/as-built", response_model=AnswerOut, openapi_extra=refuses("genealogy-invalid lot-unknown"))
async def get_as_built(caller: Viewer, asked: How, lot_id: Named) -> Response:
    """One unit, everything. Tables: links, lots, acts, ended (what was in it before), shipments,
    results, measurements, defects, process_values (measured where it was, while it was there), signatures."""
    return await _answer(caller, asked, queries.get_as_built, lot_id=lot_id, now_us=to_us(caller.database.clock()))


@router.get("/difference", response_model=AnswerOut, openapi_extra=refuses("genealogy-invalid lot-unknown"))
async def get_difference(caller: Viewer, asked: How, first_id: Asks, second_id: Asks) -> Response:
    """What only one of two units has, and what was measured at the same station for both. Tables: difference,
    process_values."""
    now_us = to_us(caller.database.clock())
    return await _answer(caller, asked, queries.get_difference, first_id=first_id, second_id=second_id, now_us=now_us)


@router.post(
    "/recall", response_model=AnswerOut, openapi_extra=refuses("genealogy-invalid lot-unknown suspects-missing")
)
async def ask_recall(caller: Viewer, asked: How, body: RecallIn) -> Response:
    """Everything that may be affected, and where it is. Writes nothing. Tables: affected, shipments, mounted,
    while_held."""
    return await _answer(caller, asked, queries.get_recall, suspects=body.value(), limit=body.limit)


@router.post(
    "/shared", response_model=AnswerOut, openapi_extra=refuses("genealogy-invalid genealogy-too-large lot-unknown")
)
async def ask_shared(caller: Viewer, asked: How, body: SharedIn) -> Response:
    """What failed units share that good ones do not, the least likely by chance first. Table: shared."""
    wanted = {"failed_ids": body.failed_ids, "good_ids": body.good_ids, "limit": body.limit}
    return await _answer(caller, asked, queries.list_shared, **wanted)


@router.post(
    "/recall/holds",
    openapi_extra=refuses(
        "genealogy-invalid genealogy-too-large lot-unknown material-lot-closed material-lot-not-found suspects-missing"
    ),
)
async def hold_suspects(caller: Decider, body: SuspectHoldIn) -> HeldOut:
    """Put everything that a recall finds on hold, in one step."""
    return HeldOut(held=await caller.write(service.hold_suspects, suspects=body.value(), reason=body.reason))


@router.post(
    "/recall/release",
    openapi_extra=refuses(
        "genealogy-invalid genealogy-too-large lot-not-held lot-unknown material-lot-closed material-lot-not-found "
        "suspects-missing"
    ),
)
async def release_suspects(caller: Decider, body: SuspectReleaseIn) -> ReleasedOut:
    """Release everything of a recall that is on hold for its reason, in one step; what is held for another stays."""
    what = {"suspects": body.value(), "hold_reason": body.hold_reason, "reason": body.reason}
    return ReleasedOut(**(await caller.write(service.release_suspects, **what))._asdict())


# -- recording


def _override(caller: Caller, override: OverrideIn | None) -> Override | None:
    """`permission-missing` unless the caller may override what lots are refused for."""
    if override is None:
        return None
    require(caller, Permission.override_refusals)
    return override.value()


@router.post("/recordings", status_code=201, response_model=RecordingOut, openapi_extra=refuses(RECORDING))
async def record_genealogy(caller: Engineer, body: RecordingIn, request: Request) -> Response:
    """Many acts, links, lots and mounts at once, as from another system. All or nothing.

    Repeated under its `request_id` within 30 days it is answered as the first time; another one is
    `idempotency-key-reused`.
    """
    stored = await caller.write(
        run_once,
        key=f"recording:{body.request_id}",
        request_fingerprint=fingerprint("POST", request.url.path, await request.body()),
        verb=_recorded,
        recording=body.value(),
        override=_override(caller, body.override),
    )
    return Response(stored.body, status_code=stored.status, media_type="application/json")


def _recorded(uow: UnitOfWork, *, recording: Recording, override: Override | None) -> tuple[int, bytes]:
    made = service.record_genealogy(uow, recording=recording, override=override)
    answer = RecordingOut(
        first_act=made.first_act,
        acts=made.acts,
        links=made.links,
        lots=made.lots,
        overridden=list(made.overridden),
    )
    return 201, answer.model_dump_json().encode()


@router.post("/scans", status_code=201, openapi_extra=refuses(RECORDING))
async def scan_lot(caller: Operator, body: ScanIn) -> ActOut:
    """So much of a lot goes into another."""
    act = await caller.write(
        service.scan_lot,
        request_id=body.request_id,
        parent_id=body.parent_id,
        child_id=body.child_id,
        quantity_e6=to_e6(body.quantity),
        kind=body.kind,
        equipment_id=body.equipment_id,
        job_id=body.job_order_id,
        material_id=body.material_id,
        override=_override(caller, body.override),
    )
    return ActOut(act=act)


@router.post("/passes", status_code=201, openapi_extra=refuses(RECORDING, "machine-unreachable"))
async def record_pass(caller: Operator, body: PassIn) -> PassOut:
    """A piece passed a station: what is mounted there is in it."""
    sequence = await caller.write(
        service.record_pass,
        request_id=body.request_id,
        lot_id=body.lot_id,
        equipment_id=body.equipment_id,
        seq=body.sequence,
        job_id=body.job_order_id,
        material_id=body.material_id,
        context=body.context.value() if body.context else None,
    )
    return PassOut(sequence=sequence)


@router.post(
    "/mounts", status_code=201, openapi_extra=refuses(RECORDING, "lot-not-warm material-lot-not-found slot-empty")
)
async def mount_lot(caller: Operator, body: MountIn) -> ActOut:
    """A lot comes into a slot; what was there before goes, or is spliced to it."""
    act = await caller.write(
        service.mount_lot,
        request_id=body.request_id,
        equipment_id=body.equipment_id,
        slot_id=body.slot_id,
        lot_id=body.lot_id,
        seq=body.sequence,
        splice=body.splice,
        quantity_per_e6=to_e6(body.quantity_per_piece),
        override=_override(caller, body.override),
    )
    return ActOut(act=act)


@router.post("/unmounts", status_code=201, openapi_extra=refuses(RECORDING, "slot-empty"))
async def unmount_lot(caller: Operator, body: UnmountIn) -> ActOut:
    """What is in a slot is taken out."""
    act = await caller.write(
        service.unmount_lot,
        request_id=body.request_id,
        equipment_id=body.equipment_id,
        slot_id=body.slot_id,
        seq=body.sequence,
    )
    return ActOut(act=act)


@router.put("/setups/{equipment_id}", status_code=204, openapi_extra=refuses("genealogy-invalid"))
async def put_setup(caller: Engineer, equipment_id: Named, body: SetupIn) -> None:
    """The set-up list of a station: slots that are not named stay as they are."""
    await caller.write(service.put_setup, equipment_id=equipment_id, materials=body.materials)


@router.post(
    "/packings",
    status_code=201,
    openapi_extra=refuses(RECORDING, "conversion-invalid material-class-not-found material-unit-fixed"),
)
async def pack_lots(caller: Operator, body: PackIn) -> ActOut:
    """Lots go into a container, out of the one they may be in."""
    override = _override(caller, body.override)
    return ActOut(act=await caller.write(service.pack_lots, **body.model_dump(exclude={"override"}), override=override))


@router.post("/unpackings", status_code=201, openapi_extra=refuses(RECORDING, "not-linked"))
async def unpack_lots(caller: Operator, body: UnpackIn) -> ActOut:
    """Lots are taken out of a container."""
    override = _override(caller, body.override)
    packed = body.model_dump(exclude={"override"})
    return ActOut(act=await caller.write(service.unpack_lots, **packed, override=override))


@router.post(
    "/shipments",
    status_code=201,
    openapi_extra=refuses(RECORDING, "conversion-invalid material-class-not-found material-unit-fixed"),
)
async def ship_lots(caller: Operator, body: ShipIn) -> ActOut:
    """Containers or lots leave for a customer, with everything in them."""
    return ActOut(act=await caller.write(service.ship_lots, **body.model_dump()))


@router.post("/moves", status_code=204, openapi_extra=refuses(RECORDING))
async def move_lots(caller: Operator, body: MoveIn) -> None:
    """Lots, and what is packed in them, are now at another place."""
    await caller.write(service.move_lots, **body.model_dump())


@router.post("/splits", status_code=201, openapi_extra=refuses(RECORDING))
async def split_lot(caller: Operator, body: SplitIn) -> ActOut:
    """New lots are taken off a lot."""
    into = {new_id: to_e6(quantity) for new_id, quantity in body.into.items()}
    return ActOut(act=await caller.write(service.split_lot, request_id=body.request_id, lot_id=body.lot_id, into=into))


@router.post(
    "/adjustments",
    status_code=201,
    openapi_extra=refuses(RECORDING, "material-lot-not-found quantity-out-of-range"),
)
async def adjust_lot(caller: Supervisor, body: AdjustmentIn) -> ActOut:
    """So much was counted to be left of a lot; who, why and what was said before are kept."""
    counted = {"lot_id": body.lot_id, "left_e6": to_e6(body.quantity_left)}
    return ActOut(act=await caller.write(service.adjust_lot, request_id=body.request_id, reason=body.reason, **counted))


@router.post("/merges", status_code=201, openapi_extra=refuses(RECORDING))
async def merge_lots(caller: Operator, body: MergeLotsIn) -> ActOut:
    """Lots of one material become one lot."""
    return ActOut(act=await caller.write(service.merge_lots, **body.model_dump()))


@router.post("/removals", status_code=201, openapi_extra=refuses(RECORDING, "not-linked"))
async def remove_part(caller: Operator, body: RemovalIn) -> ActOut:
    """A part is taken out of a unit; with `new_part_id` another is put in."""
    act = {
        "request_id": body.request_id,
        "unit_id": body.unit_id,
        "part_id": body.part_id,
        "equipment_id": body.equipment_id,
    }
    override = _override(caller, body.override)
    if not body.new_part_id:
        return ActOut(act=await caller.write(service.remove_part, **act))
    put_in = {"new_part_id": body.new_part_id, "quantity_e6": to_e6(body.quantity), "override": override}
    return ActOut(act=await caller.write(service.replace_part, **act, **put_in))


@router.post(
    "/acts/{act}/reversal",
    status_code=201,
    openapi_extra=refuses(RECORDING, "act-not-found act-not-reversible material-lot-not-found"),
)
async def reverse_act(caller: Supervisor, act: ActNumber, body: ReversalIn) -> ActOut:
    """Take an act back: it never was, and both stay in the record."""
    return ActOut(act=await caller.write(service.reverse_act, act=act, request_id=body.request_id, reason=body.reason))
