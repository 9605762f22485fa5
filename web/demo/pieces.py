"""Piece by piece: what the factory's own ledger says went into each panel, and what testers found, against the MES."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from mes.genealogy.service import put_setup, record_genealogy
from mes.genealogy.types import NewLot, Recording
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import MaterialLotNotFound
from mes.materials.queries import get_material_lot
from mes.materials.types import LotKind
from mes.quality.service import put_defect_codes
from mes.quality.types import DefectCodeSpec

if TYPE_CHECKING:
    from opcua_bridge.simulator.ledger import Pieces

SLOTS: Final[Mapping[str, Mapping[str, str]]] = {
    "SMT-1-PLACER-A": {"Reel1": "R-10K-0402", "Reel2": "R-10K-0402", "Reel3": "C-100N-0402", "Reel4": "C-100N-0402"},
    "SMT-1-PLACER-B": {"Reel1": "MCU-32", "Reel2": "CONN-12", "Reel3": "C-100N-0402", "Reel4": "R-10K-0402"},
}
"""What is in which slot of the placers."""
REELS_MAX: Final = 200
"""That a placer mounts in one opening: enough for days."""
IN_A_REEL_E6: Final = 100_000 * 1_000_000


class Told(NamedTuple):
    """A lot that the MES says is in a panel; `possible`: another one of the slot may be, in its place or besides."""

    lot_id: str
    possible: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """How many panels and verdicts agree, and whose do not: those are named."""

    panels: int = 0
    verdicts: int = 0
    wrong: tuple[str, ...] = field(default=())


def stock_factory(uow: UnitOfWork, *, run: int) -> None:
    """The reels that the factory will mount in its so-many-th opening, where they belong, and what its tester finds."""
    from opcua_bridge.simulator.catalog import DEFECTS  # brings the OPC UA library: not while starting
    from opcua_bridge.simulator.reels import reel_id

    put_defect_codes(uow, specs=[DefectCodeSpec(code, code.capitalize().replace("-", " ")) for code, _ in DEFECTS])
    for placer, slots in SLOTS.items():
        put_setup(uow, equipment_id=placer, materials=slots)
    new = [
        NewLot(reel_id(run, placer, slot, number), material, IN_A_REEL_E6, LotKind.lot)
        for placer, slots in SLOTS.items()
        for slot, material in slots.items()
        for number in range(1, REELS_MAX + 1)
    ]
    if not _is_there(uow, new[0].lot_id):
        record_genealogy(uow, recording=Recording(new))


def _is_there(uow: UnitOfWork, lot_id: str) -> bool:
    try:
        get_material_lot(uow.session, lot_id=lot_id)
    except MaterialLotNotFound:
        return False
    return True


def compare_pieces(
    true: Pieces,
    made_of: Mapping[str, Collection[Told]],
    verdicts: Mapping[str, Collection[str]],
) -> Compared:
    """Pure. `made_of`: lots in each panel as the MES has it; `verdicts`: of each unit, as PASS and FAIL in order.

    A panel agrees if nothing that went into it is missing, and nothing is told for certain that did not. One that the
    MES does not have at all is on its way, or lost: the caller says when it is late.
    """
    fed: dict[str, list[Collection[str]]] = defaultdict(list)
    for (serial, _, _), lots in true.fed.items():
        fed[serial].append(lots)
    tested: dict[str, list[str]] = defaultdict(list)
    for serial, verdict, _, _ in true.verdicts:
        tested[serial].append(verdict)
    wrong = [serial for serial, slots in fed.items() if not panel_agrees(slots, made_of.get(serial, ()))]
    wrong += [serial for serial, its in tested.items() if list(verdicts.get(serial, ())) != its]
    return Compared(len(fed), len(tested), tuple(wrong))


def panel_agrees(slots: Iterable[Collection[str]], told: Collection[Told]) -> bool:
    """Whether what is told of a panel is true. `slots`: the lots that went into it out of each slot."""
    truth = {lot for lots in slots for lot in lots}
    certain = {one.lot_id for one in told if not one.possible}
    return truth <= {one.lot_id for one in told} and certain <= truth
