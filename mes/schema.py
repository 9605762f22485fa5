"""Every table of a plant, so that migrations and tests see the whole schema."""

from __future__ import annotations

import importlib
import pkgutil

import mes
from mes.kernel.tables import metadata

FEATURES = tuple(module.name for module in pkgutil.iter_modules(mes.__path__) if module.ispkg)


def load_tables() -> None:
    """Import the `tables` room of each feature that has one."""
    for feature in FEATURES:
        package = importlib.import_module(f"mes.{feature}")
        if any(module.name == "tables" for module in pkgutil.iter_modules(package.__path__)):
            importlib.import_module(f"mes.{feature}.tables")


load_tables()
__all__ = ["metadata"]
