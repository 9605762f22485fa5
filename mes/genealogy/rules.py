"""Rules of genealogy, pure: what a lot may be used for, which mounts a piece saw, cycles, what failures share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import comb
from typing import Final

from mes.genealogy.errors import MountOutOfOrder
from mes.genealogy.types import OPEN_SEQ, Act, Fact, Interval, Link, LotFacts, Mount, NewLot, Recording
from mes.materials.rules import reasons_against
from mes.materials.types import Unusable
from standards.isa95.material import Disposition


def refusals_of(lot: LotFacts, taken_e6: int, materials: Collection[int] | None = None) -> Iterator[Unusable]:
    """Why so much of a lot may not be used; `materials`: keys of what may be used there (None: anything)."""
    return reasons_against(
        Disposition(lot.disposition),
        shipped=lot.shipment_pk is not None,
        unwanted=materials is not None and lot.material_pk not in materials,
        lacking=lot.used_e6 + taken_e6 > lot.quantity_e6,
    )


def refusals_as_child(lot: LotFacts) -> Iterator[Unusable]:
    """Why nothing may go into a lot any more."""
    if lot.disposition == Disposition.Closed:
        yield Unusable.closed
    if lot.shipment_pk is not None:
        yield Unusable.shipped


# -- mounts


def end_before(present: Interval, *, spliced: bool, seq: int, splice: bool) -> int:
    """The last piece of what is mounted, when the next lot comes for the piece `seq`.

    A splice is made while piece `seq` is worked on: it may have parts of either lot. Else `seq` is the first piece
    after the change. `spliced`: the present lot came by a splice, so that its first piece had begun before it.
    `mount-out-of-order` if the sequence goes back behind that.
    """
    first = present.first + 1 if spliced and not splice else present.first
    if seq < first:
        raise MountOutOfOrder(f"What is mounted there came with piece {present.first}.")
    return seq if splice else seq - 1


def check_order(intervals: Iterable[Interval]) -> None:
    """Mounts of one slot follow one another; two share at most the one piece they were spliced in.

    `mount-out-of-order`.
    """
    before: Interval | None = None
    for interval in sorted(intervals):
        if before is not None and interval.first < before.last:
            raise MountOutOfOrder(f"Two lots would be mounted for the pieces {interval.first} to {before.last}.")
        if interval.last >= interval.first or before is None:
            before = interval


def lots_in_piece(mounts: Iterable[tuple[int, Interval]], seq: int) -> tuple[frozenset[int], bool]:
    """The lots that may be in a piece out of one slot, and whether that is certain: exactly one lot covers it."""
    lots = frozenset(lot for lot, interval in mounts if interval.first <= seq <= interval.last)
    return lots, len(lots) == 1


COUNTED_EACH_US: Final = 20_000_000
PIECE_US: Final = 10_000


def count_again_us(now_us: int, pieces: int) -> int:
    """When what is mounted is counted again: the longer a count takes, the later."""
    return now_us + COUNTED_EACH_US + pieces * PIECE_US


def is_open(interval: Interval) -> bool:
    return interval.last == OPEN_SEQ


# -- the graph


def on_a_cycle(links: Iterable[tuple[int, int]]) -> set[int]:
    """Keys of lots that go into themselves (and what lies between such), from links (parent, child)."""
    links = list(links)
    if all(parent < child for parent, child in links):
        return set()  # who only ever goes up comes back to nobody: as things are made, as a rule
    children: dict[int, list[int]] = defaultdict(list)
    waiting: dict[int, int] = defaultdict(int)
    for parent, child in set(links):
        children[parent].append(child)
        waiting[child] += 1
    free = [parent for parent in children if not waiting[parent]]
    while free:
        for child in children.get(free.pop(), ()):
            waiting[child] -= 1
            if not waiting[child]:
                free.append(child)
    return {key for key, count in waiting.items() if count}


def walk(links: Iterable[tuple[int, int, bool]], roots: Iterable[int]) -> tuple[set[int], set[int]]:
    """The lots in reach of some others by links (from, to, only possibly): certainly, and at most possibly."""
    following: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for source, target, possible in links:
        following[source].append((target, possible))
    certain: set[int] = set()
    doubtful = _spread(following, set(roots), certain)
    reached = set(certain)
    while doubtful:
        doubtful = _spread(following, doubtful, reached)
    return certain, reached - certain


def _spread(following: Mapping[int, Sequence[tuple[int, bool]]], roots: set[int], seen: set[int]) -> set[int]:
    """Add to `seen` what is certainly in reach of the roots; answers what is possibly one link further."""
    doubtful: set[int] = set()
    frontier = roots - seen
    while frontier:
        seen |= frontier
        links = [link for key in frontier for link in following.get(key, ())]
        doubtful |= {target for target, possible in links if possible}
        frontier = {target for target, possible in links if not possible} - seen
    return doubtful - seen


# -- what failures share


def chance_of(failed_with: int, good_with: int, failed: int, good: int) -> float:
    """How likely so many or more of the failed have something by chance that `failed_with + good_with` of all have.

    One-sided Fisher's exact test: the upper tail of the hypergeometric distribution.
    """
    having, everybody = failed_with + good_with, failed + good
    most = min(having, failed)
    ways = sum(comb(having, k) * comb(everybody - having, failed - k) for k in range(failed_with, most + 1))
    return ways / comb(everybody, failed)


# -- history


def recording_of(facts: Iterable[Fact]) -> Recording:
    """Rows of history, but for what was sent, as one recording; links that follow one another and were made by the same
    act share it."""
    lots: list[NewLot] = []
    acts: list[Act] = []
    links: list[Link] = []
    mounts: list[Mount] = []
    linked: set[str] = set()
    for lot, act, link, mount, _ in facts:
        if lot is not None:
            lots.append(lot)
        if act is not None and (link is None or not linked or act != acts[-1] or link.parent_id in linked):
            acts.append(act)
            linked = set()
        if link is not None:
            linked.add(link.parent_id)
            links.append(link._replace(act=len(acts) - 1))
        if mount is not None:
            mounts.append(mount._replace(act=len(acts) - 1))
    return Recording(lots, acts, links, mounts)
