"""Material vocabularies (B2MML 7.01: `DispositionType`, `MaterialUseType`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Disposition(StrEnum):
    """May the lot be used? Restricted is a hold."""

    Planned = "Planned"
    InProcess = "In-Process"
    Restricted = "Restricted"
    UnRestricted = "UnRestricted"
    Closed = "Closed"


USABLE: Final = frozenset({Disposition.UnRestricted, Disposition.InProcess})


class MaterialUse(StrEnum):
    """What an actual did to the material. Scrap is a quantity with a reason, not a use."""

    Consumable = "Consumable"
    Consumed = "Consumed"
    Produced = "Produced"
    ByProductProduced = "By-product Produced"
