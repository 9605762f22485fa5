"""A document to bytes, in the order of the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from standards.isa95.b2mml.shapes import SHAPES, VERBS, WITHOUT_RELEASE, Child, Shape, kept_attributes
from standards.isa95.b2mml.types import NAMESPACE, Document, Element
from standards.isa95.b2mml.values import fault_of

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


def write_document(document: Document) -> bytes:
    """UTF-8. ValueError for what the schema has no place for: that is a bug of the caller's."""
    noun, verb = document.noun, document.verb.name
    is_bare = document.root in WITHOUT_RELEASE
    release = "" if is_bare else f' releaseID="{_escaped(document.release_id)}"'
    version = f' versionID="{_escaped(document.version_id)}"' if document.version_id and not is_bare else ""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<{document.root} xmlns="{NAMESPACE}"{release}{version}>',
        *_lines(document.area, SHAPES["TransApplicationArea"], 1),
        "  <DataArea>",
        *_lines(document.verb, SHAPES[VERBS[verb]], 2),
        *(line for found in document.objects for line in _lines(found, SHAPES[noun], 2)),
        "  </DataArea>",
        f"</{document.root}>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _lines(source: Element, shape: Shape, depth: int) -> Iterator[str]:
    _refuse_misfit(source, shape)
    if not source.children:
        yield f"{'  ' * depth}<{source.name}/>"
        return
    places = {name: place for place, name in enumerate(shape)}
    yield f"{'  ' * depth}<{source.name}>"
    for child in sorted(source.children, key=lambda child: places[child.name]):
        place = shape[child.name]
        if place.is_leaf:
            yield f"{'  ' * (depth + 1)}{_leaf(child, place)}"
        else:
            yield from _lines(child, SHAPES[place.type], depth + 1)
    yield f"{'  ' * depth}</{source.name}>"


def _leaf(source: Element, place: Child) -> str:
    attributes = dict(source.attributes)
    if set(attributes) - set(kept_attributes(place.type)):
        raise ValueError(f"{source.name} has no attributes {sorted(attributes)}")
    if (message := fault_of(place.type, source.text, attributes)) is not None:
        raise ValueError(f"{source.name}: {message}")
    written = "".join(f' {name}="{_escaped(value)}"' for name, value in source.attributes)
    return f"<{source.name}{written}>{_escaped(source.text)}</{source.name}>"


def _refuse_misfit(source: Element, shape: Shape) -> None:
    names = [child.name for child in source.children]
    if strange := [name for name in names if name not in shape]:
        raise ValueError(f"{source.name} has no place for {strange[0]}")
    for place in shape.values():
        count = names.count(place.name)
        if (count > 1 and not place.is_many) or (not count and place.is_mandatory):
            raise ValueError(f"{source.name} cannot have {count} of {place.name}")
    choice = [place.name for place in shape.values() if place.is_choice]
    if choice and sum(map(names.count, choice)) != 1:
        raise ValueError(f"{source.name} must have one of {', '.join(choice)}")


def _escaped(text: str) -> str:
    """As XML has it; characters XML cannot hold become U+FFFD."""
    return _NOT_XML.sub("\ufffd", text).translate(_ESCAPES)
