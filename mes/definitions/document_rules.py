"""Pure: what a document of a work instruction is, told by its content and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mes.definitions.types import MediaType

_SIGNS: Final[tuple[tuple[MediaType, Callable[[bytes], bool]], ...]] = (
    (MediaType.png, lambda content: content.startswith(b"\x89PNG\r\n\x1a\n")),
    (MediaType.jpeg, lambda content: content.startswith(b"\xff\xd8\xff")),
    (MediaType.webp, lambda content: content[:4] == b"RIFF" and content[8:12] == b"WEBP"),
    (MediaType.pdf, lambda content: content.startswith(b"%PDF-")),
)


def media_type_of(content: bytes) -> MediaType | None:
    """The type by its signature; None for anything else. A browser never runs what is served as one of these."""
    return next((kind for kind, fits in _SIGNS if fits(content)), None)
