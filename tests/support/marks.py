"""A pytest plugin (named in pyproject.toml): marks follow from the fixtures a test asks for.

So `-m "not postgres"` leaves out every test that would start a database server, whoever wrote it. Journeys start three
processes and a browser each and wait most of the time: those on SQLite take turns on one worker, those on PostgreSQL
on another, and those marked `journey(turns=…)` on a third.

What is imported and migrated stays: looking through it for garbage as often as Python does cost a twentieth of the
time.

Temporary folders lie in memory where the machine has some to spare: a plant is made a thousand times, and what outlives
a killed process outlives it there as well.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest

from tests.support.memory import memory_folder

FIXTURE_MARKS = {"postgres": "postgres", "launched_browser": "browser", "browser": "browser"}
ONE_AT_A_TIME = "journey"


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    gc.set_threshold(100_000, 50, 50)
    if folder := memory_folder():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Marks before others look for them; order after others have shuffled."""
    for item in items:
        for mark in marks_of(item):
            item.add_marker(mark)
        if journey := item.get_closest_marker(ONE_AT_A_TIME):
            turns = journey.kwargs.get("turns") or ("postgresql" if item.get_closest_marker("postgres") else "sqlite")
            item.add_marker(pytest.mark.xdist_group(f"{ONE_AT_A_TIME}-{turns}"))
    yield
    items.sort(key=_starts)


def _starts(item: pytest.Item) -> int:
    """Journeys first, then other groups: whatever one worker does for minutes must not begin last."""
    if item.get_closest_marker(ONE_AT_A_TIME):
        return 0
    return 1 if item.get_closest_marker("xdist_group") else 2


def marks_of(item: pytest.Item) -> set[str]:
    """Marks by fixture, and by the parameter `postgresql` of tests that run on both databases."""
    fixtures = set(getattr(item, "fixturenames", ()))
    marks = {mark for fixture, mark in FIXTURE_MARKS.items() if fixture in fixtures}
    callspec = getattr(item, "callspec", None)
    if callspec is not None and "postgresql" in callspec.params.values():
        marks.add("postgres")
    return marks
