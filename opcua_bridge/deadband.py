"""Changes of measurements that are too small to pass on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opcua_bridge.blocks import thinned
from opcua_bridge.tag_map import Tag
from opcua_bridge.values import within_deadband
from standards.lineside.ingest_v1 import Samples, Value
from standards.opcua.status import Quality, quality_of


@dataclass(slots=True)
class _Passed:
    """The last value of a tag that was passed on."""

    value: Value
    quality: Quality
    at: float


class Deadband:
    """Remembers, of the tags that have a deadband, what was passed on last."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self._tags = {tag.tag: tag for tag in tags if tag.deadband}
        self._passed: dict[str, _Passed] = {}

    def forget(self) -> None:
        """Pass on the next value of every tag, whatever it is."""
        self._passed.clear()

    def without_noise(self, block: Samples, now: float) -> Samples | None:
        """What of a block is to be passed on at `now` (monotonic, seconds); None if nothing is."""
        if not self._tags or self._tags.keys().isdisjoint(block.tags):
            return block
        watched = {place: self._tags[tag] for place, tag in enumerate(block.tags) if tag in self._tags}
        statuses = block.status or [0] * len(block.value)
        keep = [
            (tag := watched.get(place)) is None or not self._is_noise(tag, value, quality_of(status), now)
            for place, value, status in zip(block.tag, block.value, statuses, strict=True)
        ]
        return thinned(block, keep)

    def of_the_past(self, block: Samples) -> Samples | None:
        """The same of values that say themselves when they were: all of a tag in the order of their time."""
        ages, statuses = block.age_us, block.status or [0] * len(block.value)
        keep = []
        for place, (number, value, status) in enumerate(zip(block.tag, block.value, statuses, strict=True)):
            tag = self._tags.get(block.tags[number])
            at = (block.observed_at_us - (ages[place] or 0)) / 1_000_000
            keep.append(tag is None or not self._is_noise(tag, value, quality_of(status), at))
        return thinned(block, keep)

    def _is_noise(self, tag: Tag, value: Value, quality: Quality, now: float) -> bool:
        before = self._passed.get(tag.tag)
        if (
            before is not None
            and before.quality is quality
            and now - before.at < tag.heartbeat_s
            and within_deadband(before.value, value, tag.deadband)
        ):
            return True
        self._passed[tag.tag] = _Passed(value, quality, now)
        return False
