"""From the columns of a notification to the columns of the journal: what is said of a tag instead of a handle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Final

from opcua_bridge.decoder import FILETIME_1970, Changes
from opcua_bridge.values import FIRST_US, LAST_US, type_name
from standards.lineside.ingest_v1 import MAX_BATCH_ITEMS, Samples

BLOCK_MAX: Final = MAX_BATCH_ITEMS
"""Values in one block, so that it fits into one batch."""
_FIRST: Final = FIRST_US * 10 + FILETIME_1970
_LAST: Final = LAST_US * 10 + FILETIME_1970


class Naming:
    """What a notification says of tags, by `names` (client handle → tag); other handles are left out."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._last = Changes((), (), ())
        self._like = Samples([], [], [], 0)

    def blocks(self, changes: Changes, *, observed_at_us: int) -> list[Samples]:
        """More values than one block takes are put in the order of their time first, so that blocks follow one another
        in time. Values of one tag stay as the machine sent them, even if its clock was set back between them."""
        known = changes if changes.handles is self._last.handles else self._only_known(changes)
        count = len(known.handles)
        if count > BLOCK_MAX:
            known = _in_source_order(known)
        parts = (_part(known, start, start + BLOCK_MAX) for start in range(0, count, BLOCK_MAX))
        return [self._block(part, observed_at_us) for part in parts]

    def _only_known(self, changes: Changes) -> Changes:
        if all(map(self._names.__contains__, changes.handles)):
            return changes
        keep = [handle in self._names for handle in changes.handles]
        return _mapped(changes, lambda column: list(compress(column, keep)))

    def _block(self, changes: Changes, observed_at_us: int) -> Samples:
        if changes.handles is not self._last.handles or changes.kinds is not self._last.kinds:
            self._last, self._like = changes, self._tags_of(changes)
        return Samples(
            tags=self._like.tags,
            tag=self._like.tag,
            value=list(changes.values),
            observed_at_us=observed_at_us,
            age_us=_ages(_times(changes), observed_at_us),
            status=list(changes.statuses),
            data_types=self._like.data_types,
        )

    def _tags_of(self, changes: Changes) -> Samples:
        kinds = dict(zip(changes.handles, changes.kinds, strict=True))
        tag = list(range(len(kinds)))
        if len(kinds) < len(changes.handles):
            places = dict(zip(kinds, tag, strict=True))
            tag = list(map(places.__getitem__, changes.handles))
        tags, data_types = list(map(self._names.__getitem__, kinds)), list(map(type_name, kinds.values()))
        return Samples(tags, tag, [None] * len(tag), 0, data_types=data_types)


def thinned(block: Samples, keep: Sequence[bool]) -> Samples | None:
    """The values for which `keep` says so; None if there are none of them."""
    if all(keep):
        return block
    tag = list(compress(block.tag, keep))
    if not tag:
        return None
    left = sorted(set(tag))
    places = {place: new for new, place in enumerate(left)}
    return Samples(
        tags=[block.tags[place] for place in left],
        tag=[places[place] for place in tag],
        value=list(compress(block.value, keep)),
        observed_at_us=block.observed_at_us,
        age_us=list(compress(block.age_us, keep)),
        status=list(compress(block.status, keep)),
        data_types=[block.data_types[place] for place in left] if block.data_types else [],
        history_of=block.history_of,
    )


def known_tags(block: Samples) -> set[str]:
    """The tags of which it has a value that is not bad."""
    if not block.status:
        return set(block.tags)
    return {block.tags[tag] for tag, status in zip(block.tag, block.status, strict=True) if not status >> 31}


def _part(changes: Changes, start: int, end: int) -> Changes:
    return changes if not start and end >= len(changes.handles) else _mapped(changes, lambda c: c[start:end])


def _mapped(changes: Changes, of: Callable[[Sequence[object]], Sequence[object]]) -> Changes:
    columns = (
        changes.handles, changes.kinds, changes.values, changes.statuses, changes.sources, changes.servers
    )  # fmt: skip
    return Changes(*(of(column) for column in columns))  # type: ignore[arg-type]


def _in_source_order(changes: Changes) -> Changes:
    latest: dict[int, int] = {}
    keys = []
    for handle, source in zip(changes.handles, changes.sources or [0] * len(changes.handles), strict=True):
        latest[handle] = max(latest.get(handle, 0), source)
        keys.append(latest[handle])
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return _mapped(changes, lambda column: [column[place] for place in order] if column else column)


def _times(changes: Changes) -> Sequence[int]:
    """The machine's time of each value; its server's where it gave none, so that it shows who said it."""
    sources, servers = changes.sources, changes.servers
    if not servers or (sources and all(sources)):
        return sources
    return [source or server for source, server in zip(sources, servers, strict=True)] if sources else servers


def _ages(sources: Sequence[int], observed_at_us: int) -> list[int | None]:
    """Microseconds between the machine's time and ours; None for instants no machine means."""
    if not sources:
        return []
    now, first = observed_at_us * 10 + FILETIME_1970, sources[0]
    if sources.count(first) == len(sources):
        return [(now - first) // 10] * len(sources) if _FIRST <= first <= _LAST else []
    first, last = min(sources), max(sources)
    if first >= _FIRST and last <= _LAST:
        return [(now - source) // 10 for source in sources]
    if not last:
        return []
    return [(now - source) // 10 if _FIRST <= source <= _LAST else None for source in sources]
