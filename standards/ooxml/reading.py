"""One sheet of a workbook, row by row. Numbers have the 15 digits a spreadsheet has; dates are texts of ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from standards.ooxml.faults import SheetTooLarge, SheetUnreadable
from standards.ooxml.parts import Attributes, Package, Part, target

Cell = str | Decimal
"""A date has no zone and is a text: `2026-12-01`, or `2026-12-01T14:00:00`."""
COLUMNS_MAX: Final = 200
_RELATIONSHIPS: Final = "_rels/.rels"
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Built-in number formats that show a date or a time (ECMA-376 part 1, 18.8.30)."""
_NO_DATE_PART: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')
_DATE_LETTER: Final = re.compile(r"[dmyhs]", re.IGNORECASE)
_DAY_0: Final = datetime(1899, 12, 30, tzinfo=UTC)
_DAY_0_OF_1904: Final = datetime(1904, 1, 1, tzinfo=UTC)
_DAYS_MAX: Final = 2_950_000
"""Long after every date that is meant, and before the year 10000 in either system."""
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
_DIGITS: Final = 15
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?")
_EXPONENT_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that has something in it. `number` is the sheet's own; a cell that is empty is ""."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`names`: of all visible sheets, in their order."""

    name: str
    names: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def read_sheet(data: bytes, *, name: str = "", rows_max: int = 100_000) -> Sheet:
    """The sheet of this name, else the first that is visible. SheetUnreadable, SheetTooLarge."""
    package = Package(data)
    book_path = _Relations.of(package, _RELATIONSHIPS, "").first("officeDocument")
    book = _Book()
    package.read(book_path, book)
    relations = _Relations.of(package, _relations_of(book_path), book_path)
    found = [sheet for sheet in book.sheets if not name or sheet[0] == name]
    if not found:
        raise SheetUnreadable(f"it has no sheet {name[:50]!r}" if name else "it has no sheet")
    rows = _Rows(_strings(package, relations), _date_styles(package, relations), book.day_0, rows_max)
    package.read(relations.by_id(found[0][1]), rows)
    return Sheet(found[0][0], tuple(title for title, _ in book.sheets), tuple(rows.rows))


def _relations_of(path: str) -> str:
    folder, _, file = path.rpartition("/")
    return f"{folder}/_rels/{file}.rels" if folder else f"_rels/{file}.rels"


class _Relations(Part):
    """Where the relationships of a part lead."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._found: list[tuple[str, str, str]] = []

    @classmethod
    def of(cls, package: Package, path: str, base: str) -> _Relations:
        made = cls(base)
        package.read(path, made)
        return made

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self._found.append((attributes.get("Id", ""), kind, target(self._base, attributes.get("Target", ""))))

    def first(self, kind: str) -> str:
        """ "" where there is none."""
        return next((path for _, its, path in self._found if its == kind), "")

    def by_id(self, wanted: str) -> str:
        return next((path for its, _, path in self._found if its == wanted), "")


class _Book(Part):
    """Names of the visible sheets with their relationships, and when the days of this book begin."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.day_0 = _DAY_0

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet" and attributes.get("state", "visible") == "visible":
            self.sheets.append((attributes.get("name", ""), attributes.get("id", "")))
        elif name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            self.day_0 = _DAY_0_OF_1904


def _strings(package: Package, relations: _Relations) -> Sequence[str]:
    path = relations.first("sharedStrings")
    found = _Strings()
    if path:
        package.read(path, found)
    return found.strings


class _Strings(Part):
    """Texts that cells share; how a text is pronounced (`rPh`) is not part of it."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._texts: list[str] = []
        self._in_text = self._in_phonetic = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "si":
            self._texts = []
        elif name == "rPh":
            self._in_phonetic = True
        self._in_text = name == "t" and not self._in_phonetic

    def end(self, name: str) -> None:
        self._in_text = False
        if name == "rPh":
            self._in_phonetic = False
        elif name == "si":
            self.strings.append("".join(self._texts))

    def text(self, text: str) -> None:
        if self._in_text:
            self._texts.append(text)


def _date_styles(package: Package, relations: _Relations) -> frozenset[int]:
    path = relations.first("styles")
    found = _Styles()
    if path:
        package.read(path, found)
    return frozenset(n for n, format_id in enumerate(found.formats) if found.shows_date(format_id))


class _Styles(Part):
    """The number format of each cell style."""

    def __init__(self) -> None:
        self.formats: list[str] = []
        self._codes: dict[str, str] = {}
        self._in_styles = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "numFmt":
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_styles = True
        elif name == "xf" and self._in_styles:
            self.formats.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_styles = False

    def shows_date(self, format_id: str) -> bool:
        code = self._codes.get(format_id)
        if code is not None:
            return _DATE_LETTER.search(_NO_DATE_PART.sub("", code)) is not None
        return format_id.isdecimal() and int(format_id) in _DATES


class _Rows(Part):
    """Rows with what is in their cells."""

    def __init__(self, strings: Sequence[str], date_styles: frozenset[int], day_0: datetime, rows_max: int) -> None:
        self.rows: list[SheetRow] = []
        self._strings, self._date_styles, self._day_0, self._rows_max = strings, date_styles, day_0, rows_max
        self._number = self._column = 0
        self._cells: dict[int, Cell] = {}
        self._kind = self._style = ""
        self._texts: list[str] = []
        self._takes_text = self._in_phonetic = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "row":
            self._number = _row_number(attributes.get("r", ""), self._number)
            self._cells, self._column = {}, -1
        elif name == "c":
            self._column = _column(attributes.get("r", ""), self._column)
            self._kind, self._style, self._texts = attributes.get("t", "n"), attributes.get("s", ""), []
        elif name == "rPh":
            self._in_phonetic = True
        self._takes_text = name == "v" or (name == "t" and self._kind == "inlineStr" and not self._in_phonetic)

    def text(self, text: str) -> None:
        if self._takes_text:
            self._texts.append(text)

    def end(self, name: str) -> None:
        self._takes_text = False
        if name == "rPh":
            self._in_phonetic = False
        elif name == "c" and (text := "".join(self._texts)):
            self._keep(self._value(text))
        elif name == "row" and self._cells:
            self._end_row()

    def _keep(self, value: Cell) -> None:
        if self._column >= COLUMNS_MAX:
            raise SheetTooLarge(f"row {self._number} has something beyond column {COLUMNS_MAX}")
        self._cells[self._column] = value

    def _end_row(self) -> None:
        if len(self.rows) == self._rows_max:
            raise SheetTooLarge(f"it has more than {self._rows_max} rows")
        width = max(self._cells) + 1
        self.rows.append(SheetRow(self._number, tuple(self._cells.get(n, "") for n in range(width))))

    def _value(self, text: str) -> Cell:
        match self._kind:
            case "s":
                return self._shared(text)
            case "b":
                return "TRUE" if text == "1" else "FALSE"
            case "n":
                return self._number_or_date(text)
        return text

    def _shared(self, text: str) -> str:
        if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) >= len(self._strings):
            raise SheetUnreadable(f"row {self._number} names a text that is not there")
        return self._strings[int(text)]

    def _number_or_date(self, text: str) -> Cell:
        number = _number(text)
        is_date = self._style.isascii() and self._style.isdecimal() and int(self._style[:9]) in self._date_styles
        if number is None:
            return text
        return _date(number, self._day_0) if is_date and 0 <= number <= _DAYS_MAX else number


def _row_number(text: str, before: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 7 else before + 1


def _column(reference: str, before: int) -> int:
    """Counted from 0; a cell that does not say where it is comes after the one before."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return before + 1
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column - 1


def _number(text: str) -> Decimal | None:
    """What a spreadsheet shows of a binary number: 0.1, not 0.10000000000000001. None where it is none."""
    if _NUMBER.fullmatch(text.strip()) is None:
        return None
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        return None
    if exact and not -_EXPONENT_MAX <= exact.adjusted() <= _EXPONENT_MAX:
        return None
    rounded = Decimal(f"{exact:.{_DIGITS - 1}e}") if exact else Decimal(0)
    whole = rounded.to_integral_value()
    return whole if whole == rounded else rounded.normalize()


def _date(days: Decimal, day_0: datetime) -> str:
    at = day_0 + timedelta(seconds=int((days * 86_400).to_integral_value()))
    return at.date().isoformat() if days == int(days) else at.isoformat()[:19]
