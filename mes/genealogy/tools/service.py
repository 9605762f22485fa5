"""Tools are entered, mounted, cleaned, taken out; a supervisor lets one be used beyond its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from sqlmodel import select

from mes.equipment.errors import EquipmentNotFound
from mes.equipment.types import PutOutcome
from mes.genealogy.statements import load_equipment, names_of
from mes.genealogy.tables import ProductionTool
from mes.genealogy.tools.errors import ToolInvalid, ToolNotClean, ToolNotFound, ToolNotMounted, ToolWornOut
from mes.genealogy.tools.rules import first_spent
from mes.genealogy.tools.statements import find_tool_act, insert_tool_act, load_tool, load_tool_limits
from mes.genealogy.tools.types import CYCLES_MAX, LIMITS, Spent, ToolAct, ToolSpec
from mes.kernel.errors import Refusal, VersionConflict
from mes.kernel.repeats import content_hash, refuse_other_content
from mes.kernel.uow import UnitOfWork
from mes.orders.service.transition import reason_of

_REFUSALS: Final[Mapping[Spent, type[Refusal]]] = {Spent.worn_out: ToolWornOut, Spent.not_clean: ToolNotClean}
_SAID: Final = tuple(field.name for field in fields(ToolSpec) if field.name != "tool_id")


def put_tool(uow: UnitOfWork, *, spec: ToolSpec, version: int | None = None) -> PutOutcome:
    """Make a tool as `spec` says; what it has done stays. `version`: the one that was read (0: there was none).

    `tool-invalid`, `version-conflict`.
    """
    for name, most in LIMITS.items():
        limit = getattr(spec, name)
        if limit is not None and not 0 < limit <= most:
            raise ToolInvalid(f"{name} of {spec.tool_id} is {limit}; it is 1 to {most}.")
    row = uow.session.exec(select(ProductionTool).where(ProductionTool.id == spec.tool_id)).first()
    present = row.version if row is not None else 0
    if version is not None and version != present:
        raise VersionConflict(f"It is at version {present}, not {version}.")
    if row is None:
        row = ProductionTool(id=spec.tool_id)
        uow.session.add(row)
    elif all(getattr(row, name) == getattr(spec, name) for name in _SAID):
        return PutOutcome.Unchanged
    for name in _SAID:
        setattr(row, name, getattr(spec, name))
    uow.flush()
    _emit(uow, "put", spec.tool_id)
    return PutOutcome.Updated if present else PutOutcome.Created


def mount_tool(uow: UnitOfWork, *, tool_id: str, equipment_id: str, request_id: str) -> None:
    """A tool stands at a station from now on, no longer where it stood before; pieces that pass count as its cycles.

    Repeating a `request_id` does nothing, something else under it is `idempotency-key-reused`; so with every act here.
    `tool-not-found`, `equipment-not-found`, `tool-worn-out`, `tool-not-clean`.
    """
    told = content_hash(ToolAct.mounted, tool_id, equipment_id)
    if _is_done(uow, request_id, told):
        return
    pk, cycles, before = _load(uow, tool_id)
    places = load_equipment(uow, [equipment_id])
    if not places:
        raise EquipmentNotFound(f"There is no equipment {equipment_id!r}.")
    spent = first_spent(load_tool_limits(uow, [pk])[tool_id], uow.now_us)
    if spent is not None:
        raise _REFUSALS[spent.why](f"The tool {tool_id} did {cycles} cycles.")
    uow.driver_write("UPDATE production_tool SET place_pk = ? WHERE pk = ?", (places[equipment_id], pk))
    insert_tool_act(uow, pk, ToolAct.mounted, places[equipment_id], cycles, request_id, told)
    _emit(uow, "mounted", tool_id, before, places[equipment_id], equipment_id=equipment_id, cycles=cycles)


def unmount_tool(uow: UnitOfWork, *, tool_id: str, request_id: str, equipment_id: str | None = None) -> None:
    """A tool is taken out of its station. Repeating a `request_id` does nothing. `equipment_id`: it has to be there.

    `tool-not-found`, `tool-not-mounted`.
    """
    told = content_hash(ToolAct.unmounted, tool_id)
    if _is_done(uow, request_id, told):
        return
    pk, cycles, place_pk = _load(uow, tool_id)
    if place_pk is None:
        raise ToolNotMounted(f"The tool {tool_id} is at no station.")
    _refuse_elsewhere(uow, tool_id, place_pk, equipment_id)
    uow.driver_write("UPDATE production_tool SET place_pk = NULL WHERE pk = ?", (pk,))
    insert_tool_act(uow, pk, ToolAct.unmounted, place_pk, cycles, request_id, told)
    _emit(uow, "unmounted", tool_id, place_pk, cycles=cycles)


def clean_tool(uow: UnitOfWork, *, tool_id: str, request_id: str, equipment_id: str | None = None) -> None:
    """A tool was cleaned just now. Repeating a `request_id` does nothing. `equipment_id`: it has to be there ("": at no
    station).

    `tool-not-found`, `tool-not-mounted`.
    """
    told = content_hash(ToolAct.cleaned, tool_id)
    if _is_done(uow, request_id, told):
        return
    pk, cycles, place_pk = _load(uow, tool_id)
    _refuse_elsewhere(uow, tool_id, place_pk, equipment_id)
    uow.driver_write(
        "UPDATE production_tool SET cleaned_at_cycles = cycles, cleaned_at_us = ? WHERE pk = ?", (uow.now_us, pk)
    )
    insert_tool_act(uow, pk, ToolAct.cleaned, place_pk, cycles, request_id, told)
    _emit(uow, "cleaned", tool_id, place_pk, cycles=cycles)


def prolong_tool(uow: UnitOfWork, *, tool_id: str, cycles: int, reason: str, request_id: str) -> None:
    """Let a tool be used for so many cycles more, whatever its limits say. Repeating a `request_id` does nothing.

    `tool-not-found`, `tool-invalid`, `reason-missing`.
    """
    why = reason_of(reason)
    told = content_hash(ToolAct.prolonged, tool_id, cycles, why)
    if _is_done(uow, request_id, told):
        return
    if not 0 < cycles <= CYCLES_MAX:
        raise ToolInvalid(f"It cannot be prolonged by {cycles} cycles.")
    pk, done, place_pk = _load(uow, tool_id)
    uow.driver_write("UPDATE production_tool SET prolonged_to_cycles = ? WHERE pk = ?", (done + cycles, pk))
    insert_tool_act(uow, pk, ToolAct.prolonged, place_pk, done + cycles, request_id, told, why)
    _emit(uow, "prolonged", tool_id, place_pk, to_cycles=done + cycles, reason=why)


def _is_done(uow: UnitOfWork, request_id: str, told: int) -> bool:
    """Whether exactly this was done under the request id. `idempotency-key-reused` where something else was."""
    known = find_tool_act(uow, request_id)
    refuse_other_content(request_id, known=known, told=told)
    return known is not None


def _load(uow: UnitOfWork, tool_id: str) -> tuple[int, int, int | None]:
    found = load_tool(uow, tool_id)
    if found is None:
        raise ToolNotFound(f"There is no tool {tool_id!r}.")
    return found[0], found[1], found[2]


def _refuse_elsewhere(uow: UnitOfWork, tool_id: str, place_pk: int | None, equipment_id: str | None) -> None:
    """Whoever may do it at a place says which: the tool has to be there."""
    if equipment_id is not None and load_equipment(uow, [equipment_id]).get(equipment_id) != place_pk:
        raise ToolNotMounted(f"The tool {tool_id} is not at {equipment_id or 'no station'}.")


def _emit(uow: UnitOfWork, what: str, tool_id: str, *place_pks: int | None, **more: object) -> None:
    """`place_pks`: the stations that see it."""
    (names,) = names_of(uow, equipment=place_pks)
    places = [f"equipment/{name}" for pk, name in names.items() if pk is not None]
    uow.emit(
        f"genealogy.tool-{what}.v1",
        topics=["tools", f"tool/{tool_id}", *places],
        subject=f"tool/{tool_id}",
        payload={"tool_id": tool_id, **more},
    )
