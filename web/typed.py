"""What people type into forms, and what hidden fields bring back: read in one place, refused as each screen refuses."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from mes.kernel.errors import Refusal

SHOWN: Final = 20
"""Characters of what was typed that a refusal repeats."""


def typed_number(text: str, refuse: Callable[[str], Refusal]) -> Decimal:
    """A number as people type it, with a comma or a point."""
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation as error:
        raise refuse(f"{text[:SHOWN]!r} is no number.") from error
    if not number.is_finite():
        raise refuse(f"{text[:SHOWN]!r} is no number.")
    return number


def seen_version(item: str, refuse: Callable[[], Refusal]) -> tuple[str, int]:
    """An id and the version that was seen of it, from `version:id`."""
    version, _, name = item.partition(":")
    if not (version.isascii() and version.isdecimal()) or len(version) > 9 or not name:
        raise refuse()
    return name, int(version)
