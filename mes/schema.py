"""Every table of a plant, so that migrations and tests see the whole schema."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final

import mes
from mes.kernel.tables import metadata

ROOMS: Final = ("*/tables.py", "*/*/tables.py")
"""Of features, and of the parts of a feature."""


def load_tables() -> None:
    """Import the `tables` room of each feature that has one."""
    root = Path(mes.__path__[0])
    for pattern in ROOMS:
        for path in sorted(root.glob(pattern)):
            importlib.import_module(".".join(("mes", *path.relative_to(root).with_suffix("").parts)))


load_tables()
__all__ = ["metadata"]
