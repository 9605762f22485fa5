"""Text from outside."""

from __future__ import annotations

from typing import Final

from pydantic import AfterValidator


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    return text


NO_NUL: Final = AfterValidator(_no_nul)
"""PostgreSQL keeps no NUL in a text. It stands after a length, so that this stays in the API's schema."""
