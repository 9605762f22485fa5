"""Classes of things and their members, in two tables: a thing belongs to any number of classes (ISA-95 part 2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints
from sqlalchemy import Select, Table, delete, insert, select, update
from sqlmodel import Session

from mes.kernel.errors import FieldError, Refusal
from mes.kernel.limits import ID_PATTERN
from mes.kernel.paging import LIMIT_DEFAULT, Page, decode_cursor, page_of
from mes.kernel.properties import InheritedProperty, Property, inherited, loaded, stored
from mes.kernel.uow import UnitOfWork

CLASSES_MAX: Final = 200
"""Classes that one thing belongs to."""
ClassIds = Annotated[list[Annotated[str, StringConstraints(pattern=ID_PATTERN)]], Field(max_length=CLASSES_MAX)]
"""As documents and files name them."""


def class_ids(named: list[str] | None) -> tuple[str, ...] | None:
    """Each once; None says nothing about them."""
    return None if named is None else tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """A class as somebody declares it; `properties` None says nothing about them."""

    class_id: str
    description: str = ""
    properties: tuple[Property, ...] | None = None


@dataclass(frozen=True, slots=True)
class ClassView:
    """A class of things; properties in order of id."""

    class_id: str
    description: str
    version: int
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Belonging:
    """The classes of a thing, in order of id."""

    classes: tuple[ClassView, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(one.class_id for one in self.classes)

    def inherited(self, own: Iterable[Property]) -> tuple[InheritedProperty, ...]:
        return inherited(own, ((one.class_id, one.properties) for one in self.classes))


@dataclass(frozen=True, slots=True)
class ClassTables:
    """`classes` has pk, id, description, properties and version; `members` has class_pk and, as `member`, the thing's
    key. `feature` begins the types of their events."""

    feature: str
    classes: Table
    members: Table
    member: str

    def get(self, session: Session, ids: Iterable[str]) -> dict[str, ClassView]:
        """The classes of some ids; others are absent from the answer."""
        found = session.execute(select(self.classes).where(self.classes.c.id.in_(set(ids))))
        return {row.id: _view(row) for row in found}

    def page(self, session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT) -> Page[ClassView]:
        """Classes in order of id."""
        statement = select(self.classes).order_by(self.classes.c.id).limit(limit + 1)
        if cursor:
            statement = statement.where(self.classes.c.id > decode_cursor(cursor, [str])[0])
        return page_of([_view(row) for row in session.execute(statement)], limit, lambda view: (view.class_id,))

    def put(self, uow: UnitOfWork, specs: Iterable[ClassSpec]) -> dict[str, str]:
        """Make classes say so; repeating it changes nothing. What became of each: created, updated or unchanged."""
        wanted = {spec.class_id: spec for spec in specs}
        known = self.get(uow.session, wanted)
        if new := [{"id": s.class_id, "version": 1, **_values(s)} for s in wanted.values() if s.class_id not in known]:
            uow.execute(insert(self.classes), new)
        changed = {name for name, view in known.items() if _differs(view, wanted[name])}
        for name in changed:
            values = {**_values(wanted[name], known[name].properties), "version": known[name].version + 1}
            uow.execute(update(self.classes).where(self.classes.c.id == name).values(values))
        became = dict.fromkeys(known, "unchanged") | dict.fromkeys(changed, "updated")
        outcomes = {name: became.get(name, "created") for name in wanted}
        for name, outcome in outcomes.items():
            if outcome != "unchanged":
                self._emit(uow, name, outcome)
        return outcomes

    def _emit(self, uow: UnitOfWork, class_id: str, outcome: str) -> None:
        kind = self.classes.name.replace("_", "-")
        uow.emit(
            f"{self.feature}.{kind}-put.v1",
            topics=[f"{kind}/{class_id}"],
            subject=f"{kind}/{class_id}",
            payload={f"{self.classes.name}_id": class_id, "outcome": outcome},
        )

    def refuse_unknown(
        self, session: Session, named: Mapping[str, Collection[str] | None], missing: type[Refusal]
    ) -> None:
        """`missing` where no class has an id that things, by their own, name; an error for each that does."""
        ids = {name for names in named.values() for name in names or ()}
        if unknown := sorted(ids - self.get(session, ids).keys()) if ids else []:
            message = f"There is no {self.classes.name.replace('_', ' ')} {unknown[0]!r}."
            wrong = [thing for thing, names in named.items() if not set(unknown).isdisjoint(names or ())]
            raise missing(message, errors=[FieldError(thing, message, missing.code) for thing in wrong])

    def of(self, session: Session, pks: Collection[int] | None = None) -> dict[int, Belonging]:
        """The classes of some things (None: of all), by key; without any they are absent."""
        if pks is not None and not pks:
            return {}
        key = self.members.c[self.member]
        statement = select(key, self.classes.c.id).join_from(self.members, self.classes).order_by(self.classes.c.id)
        found: dict[int, list[str]] = {}
        for pk, name in session.execute(statement if pks is None else statement.where(key.in_(pks))):
            found.setdefault(pk, []).append(name)
        views = self.get(session, {name for names in found.values() for name in names}) if found else {}
        return {pk: Belonging(tuple(views[name] for name in names)) for pk, names in found.items()}

    def members_of(self, class_id: str) -> Select[Any]:
        """Keys of what belongs to a class."""
        key = self.members.c[self.member]
        return select(key).join_from(self.members, self.classes).where(self.classes.c.id == class_id)

    def assign(self, uow: UnitOfWork, wanted: Mapping[int, Collection[str]]) -> None:
        """Things belong to these classes, which are known, and to no others."""
        if not wanted:
            return
        uow.execute(delete(self.members).where(self.members.c[self.member].in_(wanted)))
        named = {name for names in wanted.values() for name in names}
        rows = uow.execute(select(self.classes.c.id, self.classes.c.pk).where(self.classes.c.id.in_(named)))
        keys = {row.id: row.pk for row in rows}
        values = [{self.member: pk, "class_pk": keys[name]} for pk, names in wanted.items() for name in set(names)]
        if values:
            uow.execute(insert(self.members), values)


def _view(row: Any) -> ClassView:
    return ClassView(row.id, row.description, row.version, loaded(row.properties))


def _values(spec: ClassSpec, known: tuple[Property, ...] = ()) -> dict[str, Any]:
    properties = known if spec.properties is None else spec.properties
    return {"description": spec.description, "properties": stored(properties)}


def _differs(view: ClassView, spec: ClassSpec) -> bool:
    return _values(spec, view.properties) != {"description": view.description, "properties": stored(view.properties)}
