"""The ledger survives what kills its writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.simulator.ledger import Ledger, Made, read_entries, read_job_totals, read_totals


def count(equipment: str, counter: str, n: int, job: str | None) -> dict[str, Any]:
    return {"kind": "count", "equipment": equipment, "counter": counter, "n": n, "mode": 1, "job": job}


def test_totals_by_job_and_unassigned(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger") as ledger:
        ledger.append(
            [{"kind": "open"}, count("SMT-1-AOI", "GoodCount", 7, "J"), count("SMT-1-AOI", "XOutCount", 1, "J")]
        )
        ledger.append([count("CNC-1", "GoodCount", 3, "K"), count("TEST-1", "GoodCount", 1, None)])
        ledger.append([count("SMT-1-AOI", "GoodCount", 8, "J"), count("SMT-1-LASER", "GoodCount", 1, "J")])
    totals = read_totals(tmp_path / "ledger")
    assert totals.jobs[("J", "SMT-1-AOI", "GoodCount")] == 15
    assert totals.unassigned == {("TEST-1", "GoodCount"): 1}
    assert read_job_totals(tmp_path / "ledger") == {"J": Made(15, 1), "K": Made(6, 0)}


@pytest.mark.parametrize("torn", [b'{"kind":"cou', b"\x00" * 70_000, b"{"])
def test_torn_last_line_is_removed_and_the_rest_kept(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "ledger"
    with Ledger(path) as ledger:
        ledger.append([{"kind": "open"}])
    with path.open("ab") as file:
        file.write(torn)
    assert [entry["kind"] for entry in read_entries(path)] == ["open"], "readers leave a half line alone"
    with Ledger(path) as ledger:
        assert ledger.repaired_bytes == len(torn)
        ledger.append([{"kind": "job"}])
    assert [entry["kind"] for entry in read_entries(path)] == ["open", "job"]


@given(cut=st.integers(0, 400), texts=st.lists(st.text(max_size=20), min_size=1, max_size=8))
def test_cut_anywhere_leaves_a_prefix(tmp_path_factory: pytest.TempPathFactory, cut: int, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    entries = [{"kind": "x", "text": text} for text in texts]
    with Ledger(path) as ledger:
        ledger.append(entries)
    path.write_bytes(path.read_bytes()[:cut])
    Ledger(path).close()
    kept = list(read_entries(path))
    assert kept == entries[: len(kept)]
    assert path.read_bytes() == b"" or path.read_bytes().endswith(b"\n")


def test_no_file_is_an_empty_ledger(tmp_path: Path) -> None:
    assert list(read_entries(tmp_path / "none")) == []
    assert read_job_totals(tmp_path / "none") == {}
