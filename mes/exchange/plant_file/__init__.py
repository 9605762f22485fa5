"""The plant file: a plant's master data as one YAML or JSON document, checked whole, loaded in one unit of work."""

from __future__ import annotations

from mes.exchange.plant_file.checking import check_plant_file
from mes.exchange.plant_file.errors import PlantFileInvalid
from mes.exchange.plant_file.queries import read_known_plant
from mes.exchange.plant_file.service import load_plant
from mes.exchange.plant_file.types import KindSummary, KnownPlant, LoadSummary, PlantDocument

__all__ = [
    "KindSummary",
    "KnownPlant",
    "LoadSummary",
    "PlantDocument",
    "PlantFileInvalid",
    "check_plant_file",
    "load_plant",
    "read_known_plant",
]
