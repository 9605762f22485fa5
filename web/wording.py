"""What people read: ISA-95 terms and states in shop-floor words, per language, with numbers and times in its manner.

One table per language in `web/locales/<language>.toml`, the same keys in each (`tests/web/test_wording.py`).
Placeholders are `{name}` or `{name:spec}`; numbers are written by Babel. Specs: `time` (14:02), `date` (21 Nov),
`year` (21 Nov 2026), `day` (Sat 21 Nov), `moment` (21 Nov, 14:02), `clock` (14:02:09), `age` (seconds or timedelta:
"3 min"), `cycle` (seconds: "42.5 s"), `raw` (as it is). An entry with `one` and `other` is chosen by the plural of `n`.
A unit of measure given as `unit` is written as `uom.<unit>` says, where the table knows it.

`qps-ploc` is English made 40 % longer, with accents: a layout that survives it survives German and Finnish.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final, Protocol

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_decimal

LANGUAGES: Final = ("en", "de", "qps-ploc")
"""Languages a person may choose; the last one is for trying layouts."""
DEFAULT_LANGUAGE: Final = "en"
PSEUDO: Final = "qps-ploc"
STRETCH_PERCENT: Final = 40

Entry = str | Mapping[str, str]
Translator = Callable[..., str]

_LOCALES: Final = {"en": "en_GB", "de": "de_DE", PSEUDO: "en_GB"}
_ACCENTS: Final = str.maketrans(
    "aceinorsuyzACEINORSUYZ",
    "\u00e1\u00e7\u00e9\u00ed\u00f1\u00f3\u0155\u0161\u00fa\u00fd\u017e"
    "\u00c1\u00c7\u00c9\u00cd\u00d1\u00d3\u0154\u0160\u00da\u00dd\u017d",
)


class UnknownWord(KeyError):
    """A key that no table has: a mistake in a template, found by `tests/web/test_wording.py`."""


def language_of(wished: str) -> str:
    """The nearest language offered: `de-AT` gives `de`, anything unknown gives English."""
    if wished in LANGUAGES:
        return wished
    short = wished.replace("_", "-").split("-")[0].lower()
    return short if short in LANGUAGES else DEFAULT_LANGUAGE


@cache
def words(language: str) -> Mapping[str, Entry]:
    """All entries of one language by dotted key. KeyError for a language that is not offered."""
    if language == PSEUDO:
        return {
            key: entry if key.startswith(("unit.", "format.", "uom.")) else _pseudo_entry(entry)
            for key, entry in words(DEFAULT_LANGUAGE).items()
        }
    if language not in LANGUAGES:
        raise KeyError(language)
    text = files("web").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flatten(tomllib.loads(text)))


def translate(language: str, key: str, /, **values: Any) -> str:
    """The words for `key`, filled in. UnknownWord if no table has it, KeyError if a placeholder is not given."""
    try:
        entry = words(language)[key]
    except KeyError:
        raise UnknownWord(key) from None
    if not isinstance(entry, str):
        entry = entry[_locale(language).plural_form(values["n"])]
    if "unit" in values:
        values["unit"] = words(language).get(f"uom.{values['unit']}", values["unit"])
    return _formatter(language).vformat(entry, (), values)


@cache
def translator(language: str) -> Translator:
    """`t(key, **values)` for one language."""
    return partial(translate, language_of(language))


class Refused(Protocol):
    """A refusal, or the problem that is told of it: its words are English."""

    @property
    def code(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def next_step(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RefusalWords:
    """`detail` is always English; `detail_fits`: so is the rest, or nobody has translated it."""

    title: str
    detail: str
    next_step: str
    detail_fits: bool


def refusal_words(language: str, refusal: Refused) -> RefusalWords:
    """A refusal in a language; as it is where nobody has translated it."""
    if language == PSEUDO:
        return RefusalWords(pseudo(refusal.title), refusal.detail, pseudo(refusal.next_step), detail_fits=True)
    entry = {} if language == DEFAULT_LANGUAGE else refusals(language).get(refusal.code, {})
    title, next_step = entry.get("title", refusal.title), entry.get("next", refusal.next_step)
    return RefusalWords(title, refusal.detail, next_step, detail_fits=not entry)


def refusal_title(language: str, code: str) -> str:
    """What is in its sentence, in short; "" where the sentence itself is in that language, or nobody translated it."""
    if language in (DEFAULT_LANGUAGE, PSEUDO):
        return ""
    return refusals(language).get(code, {}).get("title", "")


@cache
def refusals(language: str) -> Mapping[str, Mapping[str, str]]:
    """The refusals of a language other than English: `title` and `next` by code."""
    text = files("web").joinpath("locales", f"refusals.{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def has_word(key: str) -> bool:
    """Whether the tables know `key`; for codes that come from data (reasons, notes)."""
    return key in words(DEFAULT_LANGUAGE)


def code_key(prefix: str, code: str) -> str:
    """The key of a coded word, or `<prefix>.other` (which must exist) where the code is new."""
    key = f"{prefix}.{code}"
    return key if has_word(key) else f"{prefix}.other"


def age_parts(seconds: float) -> tuple[int, str]:
    """Whole number and unit (s, min, h, d) of an age: the largest unit that says enough."""
    whole = max(0, int(seconds))
    for size, unit in ((172_800, "d"), (7_200, "h"), (60, "min")):
        if whole >= size:
            return whole // {"d": 86_400, "h": 3_600, "min": 60}[unit], unit
    return whole, "s"


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(_LOCALES[language])


@cache
def _formatter(language: str) -> _Formatter:
    return _Formatter(language)


class _Formatter(string.Formatter):
    def __init__(self, language: str) -> None:
        self._language = language
        self._locale = _locale(language)

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return kwargs[str(key)]

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "raw" or isinstance(value, str):
            return str(value)
        if isinstance(value, datetime):
            return self._moment(value, format_spec or "time")
        if format_spec == "age":
            return self._age(value)
        if format_spec == "cycle":
            return f"{format_decimal(value, '#,##0.#', self._locale)}\u00a0s"
        return str(format_decimal(value, "#,##0.######", self._locale))

    def _moment(self, value: datetime, spec: str) -> str:
        match spec:
            case "time":
                return str(format_time(value, "HH:mm", locale=self._locale))
            case "clock":
                return str(format_time(value, "HH:mm:ss", locale=self._locale))
            case "year":
                return str(format_skeleton("yMMMd", value, locale=self._locale))
            case "date":
                return str(format_skeleton("MMMd", value, locale=self._locale))
            case "day":
                return str(
                    format_date(
                        value, "EEE d MMM" if self._locale.language == "en" else "EEE, d. MMM", locale=self._locale
                    )
                )
            case _:
                return f"{self._moment(value, 'date')}, {self._moment(value, 'time')}"

    def _age(self, value: timedelta | Decimal | float) -> str:
        seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
        number, unit = age_parts(seconds)
        return f"{number}\u00a0{words(self._language)[f'unit.{unit}']}"


def _flatten(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Entry]]:
    found: list[tuple[str, Entry]] = []
    for name, value in table.items():
        if isinstance(value, str) or set(value) == {"one", "other"}:
            found.append((prefix + name, value))
        else:
            found.extend(_flatten(value, f"{prefix}{name}."))
    return found


def _pseudo_entry(entry: Entry) -> Entry:
    if isinstance(entry, str):
        return pseudo(entry)
    return {form: pseudo(text) for form, text in entry.items()}


def pseudo(text: str) -> str:
    """English with accents and 40 % more letters, placeholders untouched: `[Ŕéléášé oxe]`."""
    shown = "".join(literal for literal, *_ in string.Formatter().parse(text))
    if not any(letter.isalpha() for letter in shown):
        return text
    parts = []
    for literal, name, spec, _ in string.Formatter().parse(text):
        parts.append(literal.translate(_ACCENTS).replace("{", "{{").replace("}", "}}"))
        if name is not None:
            parts.append("{" + name + (f":{spec}" if spec else "") + "}")
    return "[" + "".join(parts) + _padding(-(-len(shown) * STRETCH_PERCENT // 100) - 2) + "]"


def _padding(length: int) -> str:
    return (" oxen" * (length // 5 + 1))[:length] if length > 2 else "x" * length
