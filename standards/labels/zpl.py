"""A reel's own label in ZPL II: a QR code of the reel id beside five lines of text, 203 dots to the inch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WIDTH_DOTS: Final = 560
HEIGHT_DOTS: Final = 280
"""70 × 35 mm."""
LINE_DOTS: Final = 38
LINE_CHARACTERS: Final = 26


def reel_label(reel_id: str, lines: Sequence[str]) -> str:
    """One label. Text is UTF-8 (`^CI28`); what ZPL would take for a command is written in hex (`^FH`)."""
    texts = "".join(
        f"^FO220,{76 + n * LINE_DOTS}^A0N,28,28^FH^FD{escaped(line[:LINE_CHARACTERS])}^FS"
        for n, line in enumerate(lines[:5])
    )
    code = f"^FO20,20^BQN,2,7^FH^FDMA,{escaped(reel_id)}^FS"
    title = f"^FO220,24^A0N,44,40^FH^FD{escaped(reel_id)}^FS"
    return f"^XA^CI28^PW{WIDTH_DOTS}^LL{HEIGHT_DOTS}^LH0,0{code}{title}{texts}^XZ\n"


def escaped(text: str) -> str:
    """Text that no printer takes for a command: `^`, `~`, `_` and control characters in hex."""
    return "".join(f"_{ord(c):02X}" if c in "^~_\\" or ord(c) < 32 else c for c in text)
