"""What a cell says: numbers and dates in the manner of the file, and which manner that is. Pure.

Nothing is guessed row by row: a file tells its manner somewhere, or what could be two things is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from mes.exchange.table_files.errors import ImportRowInvalid, ImportValueAmbiguous
from mes.exchange.table_files.types import Cell, DateOrder, Style

SHOWN: Final = 40
_BLANKS: Final = re.compile(r"[\s\u00a0\u202f'’]")
_FIGURES: Final = re.compile(r"[+-]?[0-9]{1,25}(?:[.,][0-9]{1,25})*(?:[eE][+-]?[0-9]{1,2})?")
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}(?:[.,][0-9]{3})+")
_DATE: Final = re.compile(r"([0-9]{1,4})([./-])([0-9]{1,2})\2([0-9]{1,4})(?:[T ]+([0-9:]{4,8}))?")
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?")
_SPREADSHEET_ERRORS: Final = frozenset(
    {"#N/A", "#NV", "#REF!", "#BEZUG!", "#VALUE!", "#WERT!", "#DIV/0!", "#NAME?", "#NUM!"}
)
_CENTURY: Final = 2000
YEARS: Final = (1970, 2999)
END_OF_DAY: Final = time(23, 59)
"""What is due on a day is due at its end."""


def decimal_mark(cells: Iterable[Cell]) -> str:
    """The decimal mark the numbers of a file have; "" where none of them tells."""
    marks = {mark for cell in cells if isinstance(cell, str) and (mark := _mark(_BLANKS.sub("", cell)))}
    return marks.pop() if len(marks) == 1 else ""


def _mark(text: str) -> str:
    """The decimal mark one number must have; "" where it may have either, or is none."""
    if _FIGURES.fullmatch(text) is None:
        return ""
    points, commas = text.count("."), text.count(",")
    if points and commas:
        return "." if text.rfind(".") > text.rfind(",") else ","
    if points + commas == 0:
        return ""
    mark, other = (".", ",") if points else (",", ".")
    if points + commas > 1:
        return other
    grouped = _GROUPED.fullmatch(text) is not None and not text.lstrip("+-").startswith("0")
    return "" if grouped else mark


def date_order(cells: Iterable[Cell]) -> DateOrder | None:
    """The order the dates of a file have; None where none of them tells."""
    orders = {order for cell in cells if isinstance(cell, str) and (order := _order(cell.strip())) is not None}
    orders.discard(DateOrder.year_first)
    return orders.pop() if len(orders) == 1 else None


def _order(text: str) -> DateOrder | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    first, mark, second = found[1], found[2], found[3]
    if len(first) == 4:
        return DateOrder.year_first
    if mark == "." or int(first) > 12:
        return DateOrder.day_first
    return DateOrder.month_first if int(second) > 12 else None


def text_value(cell: Cell) -> str:
    """A cell as text; a number as it is written out. `import-row-invalid` where a formula failed."""
    text = f"{cell:f}" if isinstance(cell, Decimal) else cell.strip()
    if text.upper() in _SPREADSHEET_ERRORS:
        raise ImportRowInvalid(f"The cell has {text}: its formula failed.")
    return text


def number_value(cell: Cell, style: Style) -> Decimal:
    """`import-row-invalid`, `import-value-ambiguous`."""
    if isinstance(cell, Decimal):
        return cell
    text = _BLANKS.sub("", text_value(cell))
    if _FIGURES.fullmatch(text) is None:
        raise ImportRowInvalid(f"{cell[:SHOWN]!r} is no number.")
    own = _mark(text)
    if own and style.decimal and own != style.decimal:
        raise ImportRowInvalid(f"{cell[:SHOWN]!r} is no number with a decimal {_word(style.decimal)}.")
    mark = own or style.decimal
    if not mark and ("." in text or "," in text):
        raise ImportValueAmbiguous(f"{cell[:SHOWN]!r} may be thousands or a fraction.")
    return _decimal(text, mark or ".", cell)


def _decimal(text: str, mark: str, cell: str) -> Decimal:
    whole, _, fraction = text.partition(mark)
    group = "," if mark == "." else "."
    if group in whole and _GROUPED.fullmatch(whole) is None:
        raise ImportRowInvalid(f"{cell[:SHOWN]!r} is no number.")
    if group in fraction or mark in fraction:
        raise ImportRowInvalid(f"{cell[:SHOWN]!r} is no number.")
    try:
        return Decimal(f"{whole.replace(group, '')}{'.' if fraction else ''}{fraction}")
    except InvalidOperation as error:
        raise ImportRowInvalid(f"{cell[:SHOWN]!r} is no number.") from error


def _word(mark: str) -> str:
    return "comma" if mark == "," else "point"


def whole_value(cell: Cell, style: Style) -> int:
    """`import-row-invalid`, `import-value-ambiguous`."""
    number = number_value(cell, style)
    if number != number.to_integral_value() or abs(number) > 10**9:
        raise ImportRowInvalid(f"{text_value(cell)[:SHOWN]!r} is no whole number.")
    return int(number)


def day_value(cell: Cell, style: Style, zone: ZoneInfo) -> datetime:
    """An instant: with its own zone where it says one, else in the plant's; a day alone is its end.

    `import-row-invalid`, `import-value-ambiguous`.
    """
    text = text_value(cell)
    refusal = ImportRowInvalid(f"{text[:SHOWN]!r} is no date.")
    found = _DATE.fullmatch(text)
    try:
        at = _moment(text, zone) if found is None else _dated(found, text, style, zone)
    except ValueError as error:
        raise refusal from error
    if not YEARS[0] <= at.year <= YEARS[1]:
        raise refusal
    return at


def _dated(found: re.Match[str], text: str, style: Style, zone: ZoneInfo) -> datetime:
    at = _clock(found[5]) if found[5] else END_OF_DAY
    return datetime.combine(_date(found, text, style), at, zone)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        return at
    return datetime.combine(at.date(), END_OF_DAY if len(text) <= len("20261201") else at.time(), zone)


def _date(found: re.Match[str], text: str, style: Style) -> date:
    order = _order(text) or style.dates
    if order is None:
        raise ImportValueAmbiguous(f"{text[:SHOWN]!r} may have the day or the month first.")
    parts = int(found[1]), int(found[3]), int(found[4])
    if order is DateOrder.year_first:
        return date(*parts)
    day, month = parts[:2] if order is DateOrder.day_first else (parts[1], parts[0])
    return date(parts[2] + (_CENTURY if len(found[4]) <= 2 else 0), month, day)


def _clock(text: str) -> time:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return time(int(found[1]), int(found[2]))


def words_value(cell: Cell) -> tuple[str, ...]:
    """Texts that stand in one cell, in their order, each once."""
    parts = (part.strip() for part in re.split(r"[,;|\n]", text_value(cell)))
    return tuple(dict.fromkeys(part for part in parts if part))
