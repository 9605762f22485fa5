"""Problem details (RFC 9457) as Lineside writes them: `application/problem+json` with a stable kebab-case `code`."""

from __future__ import annotations

from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "/problems/"
"""Relative on purpose: every installation serves its own pages of `docs/problems/`."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    """What happened, in a sentence for a person."""
    next_step: str = ""
    """What to do about it."""
    reference: str = ""
    """Correlation id, where somebody must look into a log."""
    errors: list[dict[str, Any]] = []
    """One entry a field or line: {"where": …, "message": …, "code": …}."""
