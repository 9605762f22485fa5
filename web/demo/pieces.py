"""Piece by piece: what the factory's own ledger says went into each panel, and what testers found, against the MES."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

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

LOOKED_AT_ONCE: Final = 6
"""Panels, and units, that one look asks the server for."""
BEHIND: Final = 4
"""Panels that left after one, before it is asked for: by then everything about it is on its way."""
LOST_AFTER: Final = 30
"""Looks after which what does not agree is wrong, not late."""
NOT_FOUND: Final = 404


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


def by_serial(true: Pieces) -> tuple[Mapping[str, Sequence[Collection[str]]], Mapping[str, Sequence[str]]]:
    """The lots out of each slot of a panel, and the verdicts of a unit in their order."""
    fed: dict[str, list[Collection[str]]] = defaultdict(list)
    for (serial, _, _), lots in true.fed.items():
        fed[serial].append(lots)
    tested: dict[str, list[str]] = defaultdict(list)
    for serial, verdict, _, _ in true.verdicts:
        tested[serial].append(verdict)
    return fed, tested


def panel_agrees(slots: Iterable[Collection[str]], told: Collection[Told]) -> bool:
    """Whether what is told of a panel is true. `slots`: the lots that went into it out of each slot."""
    truth = {lot for lots in slots for lot in lots}
    certain = {one.lot_id for one in told if not one.possible}
    return truth <= {one.lot_id for one in told} and certain <= truth


def read_true_pieces(ledger: Path) -> Pieces:
    """What the factory's ledger says of single pieces."""
    from opcua_bridge.simulator.ledger import read_entries, read_pieces  # brings the OPC UA library: not while starting

    return read_pieces(read_entries(ledger))


@dataclass
class Witness:
    """Asks the server for pieces that the ledger knows, a few at a time, each until it agrees or is given up."""

    client: httpx.AsyncClient
    agreed: set[str] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)

    async def look(self, true: Pieces) -> Compared:
        """httpx.HTTPError while the server is away."""
        fed, tested = by_serial(true)
        for serial in self._next(list(fed)[: max(0, len(fed) - BEHIND)]):
            self._note(serial, agrees=panel_agrees(fed[serial], await self._made_of(serial)))
        for serial in self._next(list(tested)[: max(0, len(tested) - BEHIND)]):
            self._note(serial, agrees=await self._verdicts(serial) == tested[serial])
        wrong = tuple(sorted(serial for serial, tries in self.tries.items() if tries >= LOST_AFTER))
        return Compared(len(self.agreed & fed.keys()), len(self.agreed & tested.keys()), wrong)

    def _next(self, serials: Iterable[str]) -> list[str]:
        waiting = (one for one in serials if one not in self.agreed and self.tries.get(one, 0) < LOST_AFTER)
        return sorted(waiting, key=lambda one: self.tries.get(one, 0))[:LOOKED_AT_ONCE]

    def _note(self, serial: str, *, agrees: bool) -> None:
        if agrees:
            self.agreed.add(serial)
            self.tries.pop(serial, None)
        else:
            self.tries[serial] = self.tries.get(serial, 0) + 1

    async def _made_of(self, serial: str) -> list[Told]:
        answer = await self.client.get(f"/api/v1/genealogy/lots/{serial}/made-of")
        if answer.status_code == NOT_FOUND:
            return []
        answer.raise_for_status()
        links = answer.json()["links"]
        rows = [dict(zip(links["columns"], row, strict=True)) for row in links["rows"]]
        return [Told(row["parent_id"], row["certainty"] == "possible") for row in rows if row["child_id"] == serial]

    async def _verdicts(self, serial: str) -> list[str]:
        answer = await self.client.get(f"/api/v1/units/{serial}/results")
        if answer.status_code == NOT_FOUND:
            return []
        answer.raise_for_status()
        told = reversed(answer.json()["items"])
        return [{"passed": "PASS", "failed": "FAIL"}.get(one["verdict"], "") for one in told]
