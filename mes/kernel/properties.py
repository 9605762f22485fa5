"""What is said of a thing, or of a class of things, beyond its columns (ISA-95 part 2: properties)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from mes.kernel.texts import NO_NUL

PROPERTIES_MAX: Final = 100
"""Of one thing, and of one class."""
PROPERTY_ID_MAX: Final = 100
PROPERTY_TEXT_MAX: Final = 500
"""Characters of a value, and of a description."""
PROPERTY_UNIT_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Property:
    """`value` and `unit` are texts as they were given, "" where nothing is said."""

    id: str
    description: str = ""
    value: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class InheritedProperty:
    """One that a thing has from a class it belongs to."""

    class_id: str
    property: Property


def inherited(
    own: Iterable[Property], classes: Iterable[tuple[str, Sequence[Property]]]
) -> tuple[InheritedProperty, ...]:
    """What a thing has from its classes, in order of id: its own come before theirs, a class's before a later
    one's."""
    known = {one.id for one in own}
    found: dict[str, InheritedProperty] = {}
    for class_id, properties in classes:
        for one in properties:
            if one.id not in known:
                found.setdefault(one.id, InheritedProperty(class_id, one))
    return tuple(found[name] for name in sorted(found))


def stored(properties: Iterable[Property]) -> list[dict[str, str]]:
    """In order of id."""
    return [asdict(one) for one in sorted(properties, key=lambda one: one.id)]


def loaded(column: Iterable[Mapping[str, str]]) -> tuple[Property, ...]:
    return tuple(Property(**one) for one in column)


# -- as documents and files name them

_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=PROPERTY_TEXT_MAX), NO_NUL]


class PropertyDocument(BaseModel):
    """What is said of a thing, or of every member of a class that does not say otherwise itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=PROPERTY_ID_MAX), NO_NUL]
    description: _Text = ""
    value: _Text = ""
    unit: Annotated[str, StringConstraints(strip_whitespace=True, max_length=PROPERTY_UNIT_MAX), NO_NUL] = ""

    @classmethod
    def of(cls, one: Property) -> PropertyDocument:
        return cls(id=one.id, description=one.description, value=one.value, unit=one.unit)

    def exact(self) -> Property:
        return Property(self.id, self.description, self.value, self.unit)


class InheritedPropertyOut(BaseModel):
    """One that it has from the class `class_id`, and does not say otherwise itself."""

    class_id: str
    id: str
    description: str
    value: str
    unit: str

    @classmethod
    def of(cls, one: InheritedProperty) -> InheritedPropertyOut:
        return cls(class_id=one.class_id, **asdict(one.property))


def _each_once(properties: list[PropertyDocument]) -> list[PropertyDocument]:
    if len({one.id for one in properties}) != len(properties):
        raise ValueError("a property stands in it twice")
    return properties


PropertyDocuments = Annotated[list[PropertyDocument], Field(max_length=PROPERTIES_MAX), AfterValidator(_each_once)]


def exact_properties(named: list[PropertyDocument] | None) -> tuple[Property, ...] | None:
    """None says nothing about them."""
    return None if named is None else tuple(one.exact() for one in named)
