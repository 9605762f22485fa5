"""Parts of a workbook's package as parser events: bounded, without DTD, names without their namespace."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import IO, Final, TypeVar
from xml.parsers import expat

from standards.ooxml.faults import SheetTooLarge, SheetUnreadable

BYTES_MAX: Final = 8 * 1024 * 1024
"""Of the file."""
UNPACKED_MAX: Final = 64 * 1024 * 1024
"""Of all parts that are read: a bomb is told by what it unpacks to, whatever it says."""
PARTS_MAX: Final = 5_000
ELEMENTS_MAX: Final = 2_000_000
DEPTH_MAX: Final = 40
_PORTION: Final = 64 * 1024
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OLE: Final = bytes.fromhex("D0CF11E0A1B11AE1")
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, RuntimeError, NotImplementedError),
    *(ValueError, LookupError),
)
"""What a package that was tampered with makes its readers raise."""

Attributes = Mapping[str, str]
T = TypeVar("T")


class Part:
    """What is made of one part. Names are local: `row`, `c`."""

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """It ends."""

    def text(self, text: str) -> None:
        """Characters in it."""


class Package:
    """The parts of one file. SheetUnreadable, SheetTooLarge."""

    def __init__(self, data: bytes) -> None:
        if len(data) > BYTES_MAX:
            raise SheetTooLarge(f"it has more than {BYTES_MAX} bytes")
        if data.startswith(_OLE):
            raise SheetUnreadable("it is an old .xls file or has a password; save it as .xlsx without one")
        self._unpacked = self._elements = 0
        self._archive = _guarded(lambda: zipfile.ZipFile(io.BytesIO(data)))
        self._parts = {name.lower(): name for name in self._archive.namelist()}
        if len(self._archive.namelist()) > PARTS_MAX:
            raise SheetTooLarge(f"it has more than {PARTS_MAX} parts")

    def has(self, path: str) -> bool:
        return path.lower() in self._parts

    def read(self, path: str, part: Part) -> None:
        """Have `part` told everything of the part of this path."""
        if not self.has(path):
            raise SheetUnreadable(f"its part {path[:100]!r} is missing")
        _guarded(lambda: self._read(self._archive.getinfo(self._parts[path.lower()]), part))

    def _read(self, info: zipfile.ZipInfo, part: Part) -> None:
        if info.compress_type not in _METHODS or info.flag_bits & 1:
            raise SheetUnreadable("it is packed in a way no workbook is")
        with self._archive.open(info) as file:
            self._parse(file, part)

    def _parse(self, file: IO[bytes], part: Part) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        depth = 0

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            self._elements += 1
            if depth > DEPTH_MAX or self._elements > ELEMENTS_MAX:
                raise SheetTooLarge(f"it has more than {ELEMENTS_MAX} elements, or nests them deeper than {DEPTH_MAX}")
            part.start(_local(name), {_local(key): value for key, value in attributes.items()})

        def end(name: str) -> None:
            nonlocal depth
            depth -= 1
            part.end(_local(name))

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = part.text
        parser.StartDoctypeDeclHandler = _refuse_dtd
        while portion := file.read(_PORTION):
            self._count(len(portion))
            parser.Parse(portion, False)
        parser.Parse(b"", True)

    def _count(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > UNPACKED_MAX:
            raise SheetTooLarge(f"it unpacks to more than {UNPACKED_MAX} bytes")


def _guarded(act: Callable[[], T]) -> T:
    try:
        return act()
    except _BROKEN as error:
        raise SheetUnreadable("it is no .xlsx file, or a damaged one") from error


def _refuse_dtd(*_: object) -> None:
    raise SheetUnreadable("it has a DTD, which no workbook has")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def target(base: str, path: str) -> str:
    """Where a relationship of the part `base` leads."""
    return (
        posixpath.normpath(posixpath.join(posixpath.dirname(base), path)).lstrip("/") if path[:1] != "/" else path[1:]
    )
