"""Text from outside."""

from __future__ import annotations

from typing import Any, Final

from pydantic import AfterValidator


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    return text


NO_NUL: Final = AfterValidator(_no_nul)
"""PostgreSQL keeps no NUL in a text. It stands after a length, so that this stays in the API's schema."""


def csv_cell(value: Any) -> str:
    """As it stands in CSV: what a spreadsheet would take for a formula begins with an apostrophe."""
    text = "" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).replace("e-", "", 1).isdigit()
