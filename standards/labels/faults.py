"""Why a label cannot be read."""

from __future__ import annotations

from typing import Final

LABEL_MAX: Final = 3_000
"""Characters of one scan. The largest Data Matrix holds 2,335 letters and digits, and separators may be spelled out."""
FIELDS_MAX: Final = 64
"""Data fields of one label."""


class LabelFault(ValueError):
    """A scan that is no label we can read. `code` is stable, `detail` a sentence for a person.

    `empty`, `too-long`, `control-character`, `separators-missing`, `format-unsupported`, `no-data`, `too-many-fields`,
    `field-unknown`, `field-invalid`, `field-twice`.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
