"""Values: what a slot holds from an instant on."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What a slot's lot says, as `what` of the tag's binding."""

    mounted = "mounted-lot"
    """Lots are changed between pieces."""
    spliced = "spliced-lot"
    """A lot may be spliced to the one before while a piece is worked on."""


class Unfed(StrEnum):
    """Why a lot is in no slot for genealogy."""

    no_read = "no-read"
    uncertain = "uncertain-lot"
    unknown = "unknown-lot"
    gone = "lot-not-usable"
    into_itself = "goes-into-itself"
    late = "told-late"


class Change(NamedTuple):
    """A slot holds a lot ("": nothing) from an instant on. `request_id` is the same however often it is told.

    `until_us`: the slot told something else from then on; only of what is told again later.
    """

    request_id: str
    lot_id: str
    role: Role
    equipment_pk: int
    slot_id: str
    at_us: int
    until_us: int | None = None
