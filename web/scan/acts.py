"""What can be done by scan or tap, each as one verb of the core. Whatever links a lot to a unit is called here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mes.access.permissions import Permission
from mes.genealogy.at_station.service import (
    begin_unit,
    finish_step,
    install_part,
    lose_unit,
    pack_unit,
    undo_act,
    use_lot,
)
from mes.genealogy.at_station.types import BY_HAND, NOTHING_HELD, Held, HeldKind
from mes.genealogy.service import mount_lot, remove_part, replace_part, ship_lots, unmount_lot, unpack_lots
from mes.genealogy.tools.service import clean_tool, mount_tool, unmount_tool
from mes.genealogy.types import Override
from mes.quality.service import send_unit_to_rework
from mes.quality.types import FoundDefect, Verdict
from web.scan.forms import Act, Done
from web.scan.views import Told


@dataclass(frozen=True, slots=True)
class Here:
    """Where it is done, in which job, what a supervisor said, and where what it is done to is."""

    equipment_id: str
    job_id: str
    override: Override | None
    there: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """A verb with its arguments, what is told when it is done, and what is held then."""

    verb: Callable[..., object]
    kwargs: Mapping[str, Any]
    told: Told
    held: Held = NOTHING_HELD


NEEDS: Final[Mapping[Act, Permission]] = {"rework": Permission.decide_quality, "scrap": Permission.decide_quality}
"""Acts that ask for more than to operate: whoever may says so with a PIN, if it is not who is signed in."""

WITHOUT_PLACE: Final = frozenset[Act]({"rework", "unpack", "ship"})
"""Acts that have no place, wherever they are done: whoever does them has the role for the whole plant."""


def _at(here: Here, **more: Any) -> dict[str, Any]:
    return {"equipment_id": here.equipment_id, **more}


def _mount(form: Done, here: Here) -> Deed:
    if form.slot_id.startswith(BY_HAND):
        return _use(form, here)
    place = _at(here, slot_id=form.slot_id, lot_id=form.lot_id, override=here.override)
    return Deed(mount_lot, place, Told("mounted", form.lot_id, form.slot_id, form.request_id))


def _splice(form: Done, here: Here) -> Deed:
    place = _at(here, slot_id=form.slot_id, lot_id=form.lot_id, splice=True, override=here.override)
    return Deed(mount_lot, place, Told("spliced", form.lot_id, form.slot_id, form.request_id))


def _use(form: Done, here: Here) -> Deed:
    what = _at(here, job_id=here.job_id, lot_id=form.lot_id, override=here.override)
    return Deed(use_lot, what, Told("used", form.lot_id, undoes=form.request_id), form.holding)


def _unmount(form: Done, here: Here) -> Deed:
    told = Told("unmounted", form.slot_id.removeprefix(BY_HAND), undoes=form.request_id)
    return Deed(unmount_lot, _at(here, slot_id=form.slot_id), told)


def _begin(form: Done, here: Here) -> Deed:
    held = Held(HeldKind.unit, form.unit_id)
    return Deed(begin_unit, _at(here, unit_id=form.unit_id, job_id=here.job_id), Told(""), held)


def _pass(form: Done, here: Here) -> Deed:
    step = _at(here, unit_id=form.unit_id, verdict=Verdict.passed)
    return Deed(finish_step, step, Told("passed", form.unit_id, undoes=form.request_id))


def _fail(form: Done, here: Here) -> Deed:
    defects = (FoundDefect(form.code_id, form.position),) if form.code_id else ()
    step = _at(here, unit_id=form.unit_id, verdict=Verdict.failed, defects=defects)
    return Deed(
        finish_step, step, Told("failed", form.unit_id, undoes=form.request_id), Held(HeldKind.unit, form.unit_id)
    )


def _rework(form: Done, here: Here) -> Deed:
    back = {"unit_id": form.unit_id, "return_segment_id": form.segment_id, "repaired_defects": form.repaired}
    return Deed(send_unit_to_rework, back, Told("reworked", form.unit_id, undoes=form.request_id))


def _scrap(form: Done, here: Here) -> Deed:
    lost = _at(here, unit_id=form.unit_id, reason_id=form.reason_id, note=form.reason_id)
    return Deed(lose_unit, lost, Told("scrapped", form.unit_id, undoes=form.request_id))


def _install(form: Done, here: Here) -> Deed:
    part = _at(here, unit_id=form.unit_id, part_id=form.part_id, job_id=here.job_id, override=here.override)
    told = Told("installed", form.part_id, form.unit_id, form.request_id)
    return Deed(install_part, part, told, Held(HeldKind.unit, form.unit_id))


def _remove(form: Done, here: Here) -> Deed:
    told = Told("removed", form.part_id, form.unit_id, form.request_id)
    part = _at(here, unit_id=form.unit_id, part_id=form.part_id)
    return Deed(remove_part, part, told, Held(HeldKind.unit, form.unit_id))


def _exchange(form: Done, here: Here) -> Deed:
    parts = _at(here, unit_id=form.unit_id, part_id=form.part_id, new_part_id=form.lot_id, override=here.override)
    told = Told("exchanged", form.lot_id, form.unit_id, form.request_id)
    return Deed(replace_part, parts, told, Held(HeldKind.unit, form.unit_id))


def _pack(form: Done, here: Here) -> Deed:
    told = Told("packed", form.unit_id, form.container_id, form.request_id)
    packed = _at(here, container_id=form.container_id, unit_id=form.unit_id, override=here.override)
    goes_on = HeldKind.stack if form.held is HeldKind.stack else HeldKind.carton
    return Deed(pack_unit, packed, told, Held(goes_on, form.container_id))


def _unpack(form: Done, here: Here) -> Deed:
    told = Told("unpacked", form.unit_id, form.container_id, form.request_id)
    out = {"container_id": form.container_id, "lot_ids": [form.unit_id], "override": here.override}
    return Deed(unpack_lots, out, told, Held(HeldKind.carton, form.container_id))


def _ship(form: Done, here: Here) -> Deed:
    shipment = {
        "shipment_id": form.shipment_id,
        "customer_id": form.customer_id,
        "delivery_note": form.delivery_note,
        "lot_ids": [form.container_id],
    }
    return Deed(ship_lots, shipment, Told("shipped", form.container_id, form.shipment_id, form.request_id))


def _undo(form: Done, here: Here) -> Deed:
    return Deed(undo_act, {"undoes": form.undoes, "equipment_id": here.there}, Told("undone"), form.holding)


def _mount_tool(form: Done, here: Here) -> Deed:
    told = Told("tool-mounted", form.tool_id)
    return Deed(mount_tool, _at(here, tool_id=form.tool_id), told, Held(HeldKind.tool, form.tool_id))


def _unmount_tool(form: Done, here: Here) -> Deed:
    return Deed(unmount_tool, {"tool_id": form.tool_id, "equipment_id": here.there}, Told("tool-out", form.tool_id))


def _clean_tool(form: Done, here: Here) -> Deed:
    held = Held(HeldKind.tool, form.tool_id)
    return Deed(
        clean_tool, {"tool_id": form.tool_id, "equipment_id": here.there}, Told("tool-cleaned", form.tool_id), held
    )


ACTS: Final[Mapping[Act, Callable[[Done, Here], Deed]]] = {
    "mount": _mount,
    "splice": _splice,
    "use": _use,
    "unmount": _unmount,
    "begin": _begin,
    "pass": _pass,
    "fail": _fail,
    "rework": _rework,
    "scrap": _scrap,
    "install": _install,
    "remove": _remove,
    "exchange": _exchange,
    "pack": _pack,
    "unpack": _unpack,
    "ship": _ship,
    "undo": _undo,
    "mount-tool": _mount_tool,
    "unmount-tool": _unmount_tool,
    "clean-tool": _clean_tool,
}
