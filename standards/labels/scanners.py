"""What scanners do to the separators of a label, and how it is undone.

A wedge scanner types. GS, RS and EOT have no key, so scanners send Ctrl+] and the like, spell them out, show them as
pictures, or leave them out. Everything that stands unmistakably for a separator is turned back into it; a bare `]`, `|`
or `~` is not, because part numbers contain them.
"""

from __future__ import annotations

import re
from typing import Final

from standards.labels.faults import LABEL_MAX, LabelFault

GS: Final = "\x1d"
RS: Final = "\x1e"
EOT: Final = "\x04"
_SPELLINGS: Final = {
    GS: (r"<GS>", r"\{GS\}", r"\[GS\]", r"\\x1[dD]", r"\\u001[dD]", r"&#29;", r"␝", r"<FNC1>", r"\{FNC1\}"),
    RS: (r"<RS>", r"\{RS\}", r"\[RS\]", r"\\x1[eE]", r"\\u001[eE]", r"&#30;", r"␞"),
    EOT: (r"<EOT>", r"\{EOT\}", r"\[EOT\]", r"\\x04", r"\\u0004", r"&#4;", r"␄"),
}
_SPELLED: Final = re.compile("|".join(f"({'|'.join(forms)})" for forms in _SPELLINGS.values()), re.IGNORECASE)
_CARETS: Final = {"^]": GS, "^^": RS, "^D": EOT}
"""Caret notation, taken only in a label that begins with the header of ISO/IEC 15434."""
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\uffff\x1d\x1e\x04]")


def clean(text: str) -> tuple[str, bool]:
    """The scan with its separators, and whether they had been spelled out. `empty`, `too-long`, `control-character`."""
    if len(text) > LABEL_MAX:
        raise LabelFault("too-long", f"The scan has {len(text)} characters; a label has at most {LABEL_MAX}.")
    scanned = text.strip(" \t\r\n")
    if not scanned:
        raise LabelFault("empty", "Nothing was scanned.")
    cleaned = _SPELLED.sub(lambda found: (GS, RS, EOT)[(found.lastindex or 1) - 1], scanned)
    if "[)>" in cleaned[:4]:
        cleaned = _without_carets(cleaned)
    if strange := _UNPRINTABLE.search(cleaned):
        raise LabelFault("control-character", f"The scan contains the character U+{ord(strange.group()):04X}.")
    return cleaned, cleaned != scanned


def _without_carets(text: str) -> str:
    for spelled, separator in _CARETS.items():
        text = text.replace(spelled, separator)
    return text
