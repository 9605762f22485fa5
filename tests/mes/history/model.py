"""What history must answer, worked out the plain way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mes.history.types import NOT_KNOWN, Held, Measurements, Rollups, Samples, Window

Row = tuple[int, int, float, int]
"""Tag, instant, value, quality."""


@dataclass
class PlainHistory:
    """Samples by tag and instant; what came first stays."""

    tags: dict[int, dict[int, tuple[float, int]]] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        for tag_pk, at_us, value, quality in rows:
            known = math.isfinite(value) and quality < NOT_KNOWN
            kept = (value, quality) if known else (math.nan, NOT_KNOWN)
            self.tags.setdefault(tag_pk, {}).setdefault(at_us, kept)

    def samples(self, tag_pk: int, from_us: int, to_us: int) -> list[tuple[int, float, int]]:
        its = self.tags.get(tag_pk, {})
        return [(at_us, *its[at_us]) for at_us in sorted(its) if from_us <= at_us < to_us]

    def spans(self, tag_pk: int, from_us: int, to_us: int, span_us: int) -> dict[int, list[tuple[int, float, int]]]:
        found: dict[int, list[tuple[int, float, int]]] = {}
        for sample in self.samples(tag_pk, from_us, to_us):
            found.setdefault(sample[0] // span_us * span_us, []).append(sample)
        return found


def told(samples: Samples) -> list[tuple[int, float, int]]:
    return list(zip(samples.at_us.tolist(), samples.value.tolist(), samples.quality.tolist(), strict=True))


def same(found: list[tuple[int, float, int]], expected: list[tuple[int, float, int]]) -> bool:
    """Equal to the last bit, unknown equal to unknown."""
    return repr(found) == repr(expected)


def columns(rows: Iterable[Row]) -> Measurements:
    tag_pk, at_us, value, quality = zip(*rows, strict=True)
    return Measurements(
        np.array(tag_pk, np.uint32), np.array(at_us, np.int64), np.array(value, np.float64), np.array(quality, np.uint8)
    )


def check_rollups(found: Rollups, spans: dict[int, list[tuple[int, float, int]]]) -> None:
    """Every number of every span against the samples themselves."""
    assert found.start_us.tolist() == sorted(spans)
    for place, start in enumerate(found.start_us.tolist()):
        its = spans[start]
        known = [value for _, value, _ in its if not math.isnan(value)]
        assert found.n[place] == len(known)
        assert found.first_at_us[place] == its[0][0]
        assert found.last_at_us[place] == its[-1][0]
        assert repr(float(found.first[place])) == repr(its[0][1])
        assert repr(float(found.last[place])) == repr(its[-1][1])
        if known:
            assert found.minimum[place] == min(known)
            assert found.maximum[place] == max(known)
        check_held(found, place, its)


def check_held(found: Rollups, place: int, its: list[tuple[int, float, int]]) -> None:
    steps = [(later[0] - one[0], one[1]) for one, later in pairwise(its) if not math.isnan(one[1])]
    held_us = sum(length for length, _ in steps)
    assert found.held_us[place] == held_us
    if held_us == 0:
        assert math.isnan(found.held_mean[place])
        return
    mean = math.fsum(value * (length / held_us) for length, value in steps)
    scale = max(abs(value) for _, value in steps)
    assert math.isclose(float(found.held_mean[place]), mean, rel_tol=1e-9, abs_tol=scale * 1e-9)


def check_window(found: Held | None, plain: PlainHistory, window: Window) -> None:
    """Walk through the samples, each value holding until the next one, the one before the window included."""
    inside = plain.samples(window.tag_pk, window.from_us, window.to_us)
    before = plain.samples(window.tag_pk, 0, window.from_us)[-1:]
    if not inside and not before:
        assert found is None
        return
    assert found is not None
    steps = [(max(at_us, window.from_us), value) for at_us, value, _ in (*before, *inside)]
    ends = [*(at_us for at_us, _ in steps[1:]), window.to_us]
    held = [(end - at_us, value) for (at_us, value), end in zip(steps, ends, strict=True) if not math.isnan(value)]
    held = [(length, value) for length, value in held if length]
    assert found.n == sum(not math.isnan(value) for _, value, _ in inside)
    assert found.known_us == sum(length for length, _ in held)
    assert repr(found.last) == repr(None if math.isnan(steps[-1][1]) else steps[-1][1])
    if not held:
        assert (found.minimum, found.maximum, found.mean) == (None, None, None)
        return
    assert (found.minimum, found.maximum) == (min(v for _, v in held), max(v for _, v in held))
    assert found.mean is not None
    mean = math.fsum(value * (length / found.known_us) for length, value in held)
    scale = max(abs(value) for _, value in held)
    assert math.isclose(found.mean, mean, rel_tol=1e-9, abs_tol=scale * 1e-9)
