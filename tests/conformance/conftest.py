"""Third-party files we are judged against. They are read where they lie, never copied in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The folder of `LINESIDE_CONFORMANCE`, by default beside this checkout. Absent: the tests say so and skip."""
    folder = Path(os.environ.get("LINESIDE_CONFORMANCE", _DEFAULT))
    if not folder.is_dir():
        pytest.skip(f"no conformance files at {folder}: set LINESIDE_CONFORMANCE")
    return folder
