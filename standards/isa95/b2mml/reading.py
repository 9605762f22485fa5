"""Bytes to a document: strict where 7.01 is, tolerant of what older systems send, and every leniency is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from standards.isa95.b2mml import v0401
from standards.isa95.b2mml.faults import DocumentUnreadable, DocumentUnshaped, Fault
from standards.isa95.b2mml.shapes import NOUNS, SHAPES, VERBS, WITHOUT_RELEASE, Child, Shape, kept_attributes
from standards.isa95.b2mml.source import NIL, read_source
from standards.isa95.b2mml.types import NAMESPACE, NAMESPACE_V0401, Document, Element, Remark
from standards.isa95.b2mml.values import fault_of, normal

FAULTS_MAX: Final = 20
REMARKS_MAX: Final = 100
"""As many are told; the rest is counted in one more."""


def read_document(data: bytes) -> Document:
    """A document of B2MML 7.01, or one of V0401 as if it were.

    Unknown elements, a wrong order and what V0401 has under other names are remarks. DocumentUnreadable,
    DocumentTooLarge, DocumentUnshaped.
    """
    source = read_source(data)
    namespace, _, root = source.name.rpartition(" ")
    if namespace not in (NAMESPACE, NAMESPACE_V0401):
        raise _unknown(source.line, f"namespace {namespace[:100]!r}; it is {NAMESPACE!r} (or V0401's)")
    is_old = namespace == NAMESPACE_V0401
    verb, noun = _verb_and_noun(source.line, v0401.root_of(root) if is_old else root)
    notes = _Notes(is_old=is_old, is_query=verb == "Get")
    plain = _plain(source, namespace, notes)
    if is_old:
        plain = v0401.translated(plain, notes.remarks)
    document = _document(plain, verb, noun, notes, is_old=is_old)
    if notes.faults:
        raise DocumentUnshaped(sorted(notes.faults, key=lambda fault: fault.line)[:FAULTS_MAX])
    return document


@dataclass(slots=True)
class _Notes:
    is_old: bool
    is_query: bool
    """A question names what it looks for and nothing else, which the schema has no way to say."""
    faults: list[Fault] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def missing(self, line: int, message: str) -> None:
        """A fault; of an old document a remark."""
        if self.is_old:
            self.remarks.append(Remark(line, "element-missing", message))
        elif not self.is_query:
            self.faults.append(Fault(line, "element-missing", message))

    def told(self) -> tuple[Remark, ...]:
        ordered = sorted(self.remarks, key=lambda remark: remark.line)
        more = len(ordered) - REMARKS_MAX
        rest = [Remark(ordered[REMARKS_MAX].line, "more", f"{more} more of these")] if more > 0 else []
        return (*ordered[:REMARKS_MAX], *rest)


def _unknown(line: int, message: str) -> DocumentUnreadable:
    return DocumentUnreadable([Fault(line, "document-unknown", message)])


def _verb_and_noun(line: int, root: str) -> tuple[str, str]:
    for verb in VERBS:
        if root.startswith(verb) and root[len(verb) :] in NOUNS:
            return verb, root[len(verb) :]
    raise _unknown(line, f"{root[:100]!r} is no document Lineside reads: a verb ({', '.join(VERBS)}) and a noun")


def _plain(source: Element, namespace: str, notes: _Notes) -> Element:
    """Without namespaces; what is of another one, or nil, is left out."""
    children = []
    for child in source.children:
        of, _, name = child.name.rpartition(" ")
        if of != namespace:
            notes.remarks.append(Remark(child.line, "element-foreign", f"{name} is of another namespace"))
        elif dict(child.attributes).get(NIL) not in ("true", "1"):
            children.append(_plain(child, namespace, notes))
    name = source.name.rpartition(" ")[2]
    return Element(name, source.text, tuple(children), source.attributes, source.line)


def _document(root: Element, verb: str, noun: str, notes: _Notes, *, is_old: bool) -> Document:
    area = _only(root, "ApplicationArea", notes)
    data = _only(root, "DataArea", notes)
    acting = _only(data, verb, notes)
    nouns = data.all(noun)
    if not nouns:
        notes.missing(data.line, f"DataArea has no {noun}")
    for child in data.children:
        if child.name not in (verb, noun):
            notes.remarks.append(Remark(child.line, "element-unknown", f"DataArea/{child.name} is not read"))
    return Document(
        noun=noun,
        verb=_shaped(acting, SHAPES[VERBS[verb]], verb, notes),
        area=_shaped(area, SHAPES["TransApplicationArea"], area.name, notes),
        objects=tuple(
            _shaped(found, SHAPES[noun], f"{noun}[{number}]", notes) for number, found in enumerate(nouns, start=1)
        ),
        release_id=_release(root, verb + noun, notes),
        version_id=root.attribute("versionID"),
        is_v0401=is_old,
        remarks=notes.told(),
    )


def _only(parent: Element, name: str, notes: _Notes) -> Element:
    found = parent.first(name)
    if found is None:
        notes.missing(parent.line, f"{parent.name} has no {name}")
    return found or Element(name, line=parent.line)


def _release(root: Element, name: str, notes: _Notes) -> str:
    release = root.attribute("releaseID")
    if not release and name not in WITHOUT_RELEASE:
        notes.remarks.append(Remark(root.line, "release-missing", "the attribute releaseID is empty or missing"))
    return release


def _shaped(source: Element, shape: Shape, path: str, notes: _Notes) -> Element:
    """Its children in the schema's order, each of the right kind."""
    places = {name: place for place, name in enumerate(shape)}
    found = []
    for child in source.children:
        place = shape.get(child.name)
        if place is None:
            notes.remarks.append(Remark(child.line, "element-unknown", f"{path}/{child.name} is not read"))
        elif (read := _child(child, place, f"{path}/{child.name}", notes)) is not None:
            found.append(read)
    ordered = sorted(found, key=lambda child: places[child.name])
    if ordered != found and not notes.is_old:
        notes.remarks.append(Remark(source.line, "element-order", f"{path}: not in the order of the schema"))
    _count(ordered, source, shape, path, notes)
    return Element(source.name, children=tuple(ordered), line=source.line)


def _child(source: Element, place: Child, path: str, notes: _Notes) -> Element | None:
    if not place.is_leaf:
        return _shaped(source, SHAPES[place.type], path, notes)
    text = normal(place.type, source.text)
    attributes = {name: value for name in kept_attributes(place.type) if (value := source.attribute(name))}
    if not text and place.type not in ("id", "text", "value", "expression"):
        notes.remarks.append(Remark(source.line, "element-empty", f"{path} is empty"))
        return None
    if (message := fault_of(place.type, text, attributes)) is not None:
        notes.faults.append(Fault(source.line, "value-invalid", f"{path}: {message}"))
        return None
    return Element(source.name, text, attributes=tuple(sorted(attributes.items())), line=source.line)


def _count(children: list[Element], source: Element, shape: Shape, path: str, notes: _Notes) -> None:
    names = [child.name for child in children]
    for place in shape.values():
        count = names.count(place.name)
        if count > 1 and not place.is_many:
            notes.faults.append(Fault(source.line, "element-repeated", f"{path} has {count} of {place.name}"))
        if not count and place.is_mandatory:
            notes.missing(source.line, f"{path} has no {place.name}")
    choice = [place.name for place in shape.values() if place.is_choice]
    if choice and (count := sum(map(names.count, choice))) != 1:
        message = f"{path} has {count} of {', '.join(choice)}; one is asked for"
        if count:
            notes.faults.append(Fault(source.line, "element-repeated", message))
        else:
            notes.missing(source.line, message)
