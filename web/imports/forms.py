"""The mapping of a file, as a browser sends it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from mes.exchange.table_files.types import CELL_MAX, DateOrder, ImportMapping, Kind, SavedMapping, Style
from mes.kernel.texts import NO_NUL

Word = Annotated[str, StringConstraints(max_length=CELL_MAX), NO_NUL]
Act = Literal["look", "save", "import"]


class Typed(BaseModel):
    """`field`, `column` and `fixed` go together, one of each a line of the form. `tab` stands for a tabulator."""

    act: Act
    field: list[Word] = []
    column: list[Word] = []
    fixed: list[Word] = []
    decimal: Literal["", ".", ","] = ""
    dates: Literal["", "dmy", "mdy", "ymd"] = ""
    delimiter: Literal["", ";", ",", "tab", "|"] = ""
    encoding: Literal["", "utf-8", "cp1252", "utf-16"] = ""
    sheet: Annotated[str, StringConstraints(max_length=100), NO_NUL] = ""
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), NO_NUL] = ""
    pattern: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), NO_NUL] = ""

    def mapping(self) -> ImportMapping:
        lines = list(zip(self.field, self.column, self.fixed, strict=False))
        return ImportMapping(
            {field: column for field, column, _ in lines if column},
            {field: fixed.strip() for field, _, fixed in lines if fixed.strip()},
            Style(self.decimal, DateOrder(self.dates) if self.dates else None),
            "\t" if self.delimiter == "tab" else self.delimiter,
            self.encoding,
            self.sheet,
        )

    def saved(self, kind: Kind) -> SavedMapping:
        return SavedMapping(self.name, kind, self.mapping(), self.pattern)
