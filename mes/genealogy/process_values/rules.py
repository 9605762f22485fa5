"""Pure: from scans to windows, from windows to what may be said of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal

from mes.genealogy.process_values.types import SIDE_US, Judged, Known, Limit, Measured, Place, Scan, Stay
from mes.history.types import DAY_US, Held, Retention


def stays_of(scans: Iterable[Scan], places: Mapping[int, Place], now_us: int) -> list[Stay]:
    """Where lots were, and when: at each equipment that read them, and in each work centre between the first and the
    last scan there; a lot that comes to the same equipment again comes to the work centre again."""
    by_lot: dict[int, list[Scan]] = {}
    for scan in sorted(scans, key=lambda one: one.at_us):
        if scan.at_us <= now_us:
            by_lot.setdefault(scan.lot_pk, []).append(scan)
    return [stay for its in by_lot.values() for stay in (*_scanned(its, now_us), *_between(its, places))]


def _scanned(its: Sequence[Scan], now_us: int) -> Iterator[Stay]:
    """Nobody knows whether a scanner reads what comes or what goes: the work lies between the scans of the lot before
    and after, and between those of the pieces before and after it there."""
    times = [scan.at_us for scan in its]
    for scan in its:
        earlier, later = bisect_left(times, scan.at_us), bisect_right(times, scan.at_us)
        before = [*times[max(earlier - 1, 0) : earlier], scan.piece_before_us]
        after = [*times[later : later + 1], scan.piece_after_us]
        begin = max([scan.at_us - SIDE_US, 0, *(one for one in before if one is not None and one < scan.at_us)])
        end = min([scan.at_us + SIDE_US, now_us, *(one for one in after if one is not None and one > scan.at_us)])
        if begin < end:
            yield Stay(scan.lot_pk, scan.equipment_pk, begin, end, scan.job_pk, scanned=True)


def _between(its: Sequence[Scan], places: Mapping[int, Place]) -> Iterator[Stay]:
    """The time in a work centre, from the first scan to the last, for what reads nothing there."""
    run: list[Scan] = []
    for scan in its:
        here = places[scan.equipment_pk].work_center_pk
        elsewhere = bool(run) and places[run[0].equipment_pk].work_center_pk != here
        if elsewhere or any(other.equipment_pk == scan.equipment_pk for other in run):
            yield from _stay(run, places)
            run = []
        run.append(scan)
    yield from _stay(run, places)


def _stay(run: Sequence[Scan], places: Mapping[int, Place]) -> Iterator[Stay]:
    center = places[run[0].equipment_pk].work_center_pk if run else None
    if center is not None and run[0].at_us < run[-1].at_us:
        yield Stay(run[0].lot_pk, center, run[0].at_us, run[-1].at_us, run[-1].job_pk, scanned=False)


def tags_at(stay: Stay, tags: Iterable[Measured], scanned: Set[int]) -> Iterator[Measured]:
    """The tags a stay has to do with. At equipment that read the lot: its own and those of what stands in it. In a work
    centre: those of all that did not."""
    for tag in tags:
        pk, parent_pk, center_pk = tag.place
        if stay.scanned:
            if pk == stay.equipment_pk or (parent_pk == stay.equipment_pk and pk not in scanned):
                yield tag
        elif center_pk == stay.equipment_pk and pk not in scanned and parent_pk not in scanned - {stay.equipment_pk}:
            yield tag


def limit_of(tag: Measured, limits: Iterable[Limit]) -> Limit | None:
    """The limit that names a tag: whole, by its last part, or by what it is said to be; none in another unit."""
    names = {tag.tag.casefold(), tag.tag.rpartition(".")[2].casefold(), tag.what.casefold()} - {""}
    for limit in limits:
        alike = not limit.unit or not tag.unit or limit.unit == tag.unit
        if alike and limit.parameter.casefold() in names:
            return limit
    return None


def known_of(held: Held | None, stay: Stay, retention: Retention, now_us: int) -> Known:
    """How much of a window is known, and whether the rest is gone by age."""
    known_us = 0 if held is None else held.known_us
    if known_us >= stay.to_us - stay.from_us:
        return Known.all
    if known_us > 0:
        return Known.part
    return Known.not_kept if stay.to_us <= now_us - retention.rollups_days * DAY_US else Known.none


def judged_of(held: Held | None, known: Known, limit: Limit | None) -> Judged | None:
    """Whether all that is known is within the limits; None: there are none."""
    if limit is None or (limit.low is None and limit.high is None):
        return None
    if held is None or held.minimum is None or held.maximum is None:
        return Judged.not_known
    too_low = limit.low is not None and Decimal(repr(held.minimum)) < limit.low
    too_high = limit.high is not None and Decimal(repr(held.maximum)) > limit.high
    if too_low or too_high:
        return Judged.outside
    return Judged.within if known is Known.all else Judged.not_known
