"""A document as a value: elements by the names of the schema, frozen, compared by content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

NAMESPACE: Final = "http://www.mesa.org/xml/B2MML"
"""Of 7.00 and 7.01; it carries no version any more."""
NAMESPACE_V0401: Final = "http://www.wbf.org/xml/B2MML-V0401"


@dataclass(frozen=True, slots=True)
class Element:
    """One element. A leaf has `text`, everything else `children`; `attributes` in order of their names."""

    name: str
    text: str = ""
    children: tuple[Element, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    line: int = field(default=0, compare=False)

    def all(self, name: str) -> tuple[Element, ...]:
        """Its children of a name."""
        return tuple(child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        """Its first child of a name."""
        return next((child for child in self.children if child.name == name), None)

    def value(self, *path: str) -> str:
        """The text at the end of a path of first children; "" where there is none."""
        found: Element | None = self
        for name in path:
            found = None if found is None else found.first(name)
        return "" if found is None else found.text

    def values(self, name: str) -> tuple[str, ...]:
        """The texts of its children of a name that have one."""
        return tuple(child.text for child in self.all(name) if child.text)

    def attribute(self, name: str) -> str:
        """An attribute; "" where it has none."""
        return dict(self.attributes).get(name, "")

    def walk(self) -> Iterator[Element]:
        """Itself and everything in it."""
        yield self
        for child in self.children:
            yield from child.walk()


def leaf(name: str, text: object, **attributes: str) -> Element:
    """An element with a text."""
    return Element(name, str(text), attributes=tuple(sorted(attributes.items())))


def element(name: str, *children: Element | None) -> Element:
    """An element with children; None stands for one that is left out."""
    return Element(name, children=tuple(child for child in children if child is not None))


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the reader passed over or put right; `code` is stable."""

    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A transaction (ISA-95 part 5): a verb, what it is about, and who says so.

    `verb` is the verb's own element with its criteria, `area` the ApplicationArea, `objects` the nouns.
    """

    noun: str
    verb: Element
    area: Element
    objects: tuple[Element, ...]
    release_id: str = "7.01"
    version_id: str = ""
    is_v0401: bool = field(default=False, compare=False)
    remarks: tuple[Remark, ...] = field(default=(), compare=False)

    @property
    def root(self) -> str:
        """The name of the document's own element."""
        return self.verb.name + self.noun
