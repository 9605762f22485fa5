"""Through every fault, alone and in seeded random sequences: exact where evidence exists, where it cannot exist an
interval that contains the truth, and never a wrong exact number.

A failure names its seed; LINESIDE_FAULT_SEED=<seed> runs that sequence again.
"""

from __future__ import annotations

import logging
import os
import random
from pathlib import Path
from typing import Final

import pytest

from tests.faults.faults import FAULTS, some_time
from tests.faults.rig import COUNTERS, Rig, prepared, rig

IN_A_SEQUENCE: Final = 25
SEQUENCES: Final = 40
"""Times 25: a thousand faults."""
_log = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    logging.getLogger("opcua_bridge").setLevel(logging.CRITICAL)


def drawn() -> int:
    return int(os.environ.get("LINESIDE_FAULT_SEED") or random.randrange(2**32))


def agree(it: Rig, story: list[str]) -> None:
    for tag in COUNTERS:
        low, high = it.claims(tag)
        truth = it.machine.truth[tag]
        assert low <= truth, f"{tag}: {low} are claimed, {truth} were made; {story}"
        assert high is None or truth <= high, f"{tag}: at most {high} are claimed, {truth} were made; {story}"
        exact = tag in it.inexact or low == high
        assert exact, f"{tag}: {low} to {high} of {truth} though all could be seen; {it.gaps(tag)}; {story}"


def measured_truly(it: Rig, story: list[str]) -> None:
    """What comes late, out of the machine's history, is what the machine showed, at its own time."""
    told = it.told_heat()
    wrong = {at_us: value for at_us, value in it.measured().items() if told.get(at_us) != value}
    assert not wrong, f"never shown: {wrong}; {story}"


async def broken(it: Rig, names: list[str], seed: int) -> None:
    done = [f"LINESIDE_FAULT_SEED={seed}"]
    for name in names:
        done.append(name)
        await FAULTS[name](it)
        await some_time(it)
    await it.settle()
    agree(it, done)
    measured_truly(it, done)


@pytest.mark.parametrize(
    "names",
    [
        ["cable pulled beyond the session", "cable pulled beyond the session"],
        ["server restarted with other namespaces", "subscription lost without a word"],
        ["cable pulled beyond the session", "bridge killed"],
        ["transfer refused", "cable pulled for a while", "message skipped"],
    ],
    ids=lambda names: " - ".join(names),
)
async def test_what_was_missed_comes_out_of_the_machines_history(
    names: list[str], tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one in the middle of it included: every value that the machine showed is in the plant's history."""
    seed = drawn()
    async with rig(prepared(tmp_path / "rig", sqlite_template), random.Random(seed), monkeypatch) as it:
        await broken(it, names, seed)
        await it.filled()
        measured_truly(it, names)


@pytest.mark.long
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_alone(name: str, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = drawn()
    secured = name.startswith("certificate")
    async with rig(
        prepared(tmp_path / "rig", sqlite_template), random.Random(seed), monkeypatch, secured=secured
    ) as it:
        await broken(it, [name], seed)


async def test_twenty_five_faults_one_after_another(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _sequence(drawn(), tmp_path, sqlite_template, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("number", range(SEQUENCES))
async def test_a_thousand_faults(
    number: int, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _sequence(number, tmp_path, sqlite_template, monkeypatch)


async def _sequence(seed: int, folder: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of fault comes as often as every other; each has all before it behind it."""
    _log.warning("LINESIDE_FAULT_SEED=%d", seed)
    chance = random.Random(seed)
    names = chance.sample(sorted(FAULTS), IN_A_SEQUENCE)
    async with rig(
        prepared(folder / "rig", template), chance, monkeypatch, secured="certificate renewed" in names
    ) as it:
        await broken(it, names, seed)
