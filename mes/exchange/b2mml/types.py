"""Values of the B2MML door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from standards.isa95.b2mml import Element

OBJECTS_MAX: Final = 500
"""Objects of one document: they are one unit of work, and others wait meanwhile."""

SHOWN_MAX: Final = 100
"""Objects of one Show, and ids in one Get."""

PRODUCED: Final = frozenset({"Produced", "Material Produced"})
"""Uses of what is made."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a document: what it is, where it stands, and under which equipment it is nested."""

    kind: str
    path: str
    element: Element
    parent_id: str = ""

    @property
    def id(self) -> str:
        return self.element.value("ID")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object: `created`, `updated`, `unchanged`, `cancelled`, or the code of its refusal."""

    path: str
    object_id: str
    code: str
    sentence: str = ""
    next_step: str = ""
    accepted: bool = True
    status: int = 200


@dataclass(frozen=True, slots=True)
class Product:
    """What an order is to make."""

    material_id: str
    quantity: Decimal
    unit: str | None


@dataclass(frozen=True, slots=True)
class OrderWanted:
    """An order as a document states it; None: it says nothing about it."""

    order_id: str
    version: str | None
    product: Product
    definition_id: str | None
    description: str
    priority: int | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobWanted:
    """A job a work schedule asks for; "" where it says nothing."""

    work_master_id: str
    equipment_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a Get looks for: some ids, or everything after a cursor."""

    ids: tuple[str, ...]
    after: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What was found. `missing` are ids nobody knows; `after` continues a listing, None: that was all."""

    objects: tuple[Element, ...]
    missing: tuple[Outcome, ...] = ()
    after: str | None = None
