"""Bytes to elements, safely: no DTD, so no entity and no expansion; depth, count and lengths are bounded."""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from standards.isa95.b2mml.faults import DocumentTooLarge, DocumentUnreadable, Fault
from standards.isa95.b2mml.types import Element

BYTES_MAX: Final = 4 * 1024 * 1024
DEPTH_MAX: Final = 40
ELEMENTS_MAX: Final = 100_000
TEXT_MAX: Final = 10_000
"""Characters of one text or attribute."""

NIL: Final = "http://www.w3.org/2001/XMLSchema-instance nil"
"""With it true, an element says nothing."""


def read_source(data: bytes) -> Element:
    """The root, every name as `namespace name`. DocumentUnreadable, DocumentTooLarge."""
    if len(data) > BYTES_MAX:
        raise DocumentTooLarge([Fault(1, "too-many-bytes", f"more than {BYTES_MAX} bytes")])
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        fault = Fault(error.lineno, "xml-malformed", expat.ErrorString(error.code))
        raise DocumentUnreadable([fault]) from error
    except (ValueError, LookupError) as error:
        fault = Fault(1, "xml-encoding", "the encoding is not known here; write UTF-8")
        raise DocumentUnreadable([fault]) from error
    assert builder.root is not None, "well-formed XML has a root"
    return builder.root


class _Builder:
    """Builds elements from parser events, without recursion."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_dtd
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[tuple[str, tuple[tuple[str, str], ...], int, list[Element], list[str]]] = []
        self._elements = 0

    @property
    def _line(self) -> int:
        return self.parser.CurrentLineNumber

    def _refuse_dtd(self, *_: object) -> None:
        raise DocumentUnreadable([Fault(self._line, "xml-dtd", "a DTD is not allowed; leave out <!DOCTYPE>")])

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise DocumentTooLarge([Fault(self._line, "too-many-elements", f"more than {ELEMENTS_MAX} elements")])
        if len(self._open) == DEPTH_MAX:
            raise DocumentTooLarge([Fault(self._line, "too-deep", f"nested deeper than {DEPTH_MAX} levels")])
        for value in attributes.values():
            self._refuse_long(len(value))
        self._open.append((name, tuple(sorted(attributes.items())), self._line, [], []))

    def _text(self, text: str) -> None:
        self._open[-1][4].append(text)

    def _end(self, _: str) -> None:
        name, attributes, line, children, texts = self._open.pop()
        self._refuse_long(sum(map(len, texts)))
        done = Element(name, "".join(texts), tuple(children), attributes, line)
        if self._open:
            self._open[-1][3].append(done)
        else:
            self.root = done

    def _refuse_long(self, length: int) -> None:
        if length > TEXT_MAX:
            raise DocumentTooLarge([Fault(self._line, "text-too-long", f"a text of more than {TEXT_MAX} characters")])
