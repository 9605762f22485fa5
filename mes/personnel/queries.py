"""Reads of personnel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select
from sqlmodel import Session

from mes.access.tables import PinCredential, Principal, SignInSession
from mes.access.types import PrincipalKind
from mes.kernel.paging import LIMIT_DEFAULT, Page, decode_cursor, page_of
from mes.kernel.properties import loaded
from mes.kernel.sqltypes import from_us_or_none
from mes.personnel.tables import Person, PersonnelClass, PersonQualification
from mes.personnel.types import PersonnelClassView, PersonView, Qualification, SignInName

_PERSON: Final = Person.__table__  # type: ignore[attr-defined]
_CLASS: Final = PersonnelClass.__table__  # type: ignore[attr-defined]
_QUALIFICATION: Final = PersonQualification.__table__  # type: ignore[attr-defined]
_PRINCIPAL: Final = Principal.__table__  # type: ignore[attr-defined]
_PIN: Final = PinCredential.__table__  # type: ignore[attr-defined]
_SESSION: Final = SignInSession.__table__  # type: ignore[attr-defined]


def get_person(session: Session, *, person_id: str) -> PersonView | None:
    """One person with all qualifications, past and future ones too."""
    rows = session.execute(_persons().where(_PERSON.c.id == person_id)).all()
    return next(iter(_with_qualifications(session, rows)), None)


def list_qualifications_of(session: Session, *, principal_pk: int) -> tuple[Qualification, ...]:
    """Qualifications, past and future ones too, of the person who signs in as a principal; none where it is nobody."""
    person_pk = session.execute(select(_PERSON.c.pk).where(_PERSON.c.principal_pk == principal_pk)).scalar_one_or_none()
    return () if person_pk is None else tuple(_qualifications(session, [person_pk])[person_pk])


def list_persons(
    session: Session,
    *,
    personnel_class_id: str | None = None,
    qualified_at: datetime | None = None,
    name: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[PersonView]:
    """Persons by id. Filters: a part of the name; a class they belong to (at `qualified_at`, where given)."""
    statement = _persons().order_by(_PERSON.c.id).limit(limit + 1)
    if name:
        statement = statement.where(func.lower(_PERSON.c.name).contains(name.lower(), autoescape=True))
    if personnel_class_id is not None:
        statement = statement.where(_PERSON.c.pk.in_(_members(personnel_class_id, qualified_at)))
    if cursor is not None:
        (after,) = decode_cursor(cursor, (str,))
        statement = statement.where(_PERSON.c.id > after)
    rows = session.execute(statement).all()
    return page_of(_with_qualifications(session, rows), limit, lambda person: (person.id,))


def _persons() -> Select[Any]:
    return select(_PERSON, _PRINCIPAL.c.id.label("principal_id")).join_from(_PERSON, _PRINCIPAL, isouter=True)


def _members(personnel_class_id: str, at: datetime | None) -> Select[Any]:
    q = _QUALIFICATION.c
    statement = select(q.person_pk).join_from(_QUALIFICATION, _CLASS).where(_CLASS.c.id == personnel_class_id)
    if at is None:
        return statement
    begun = or_(q.valid_from.is_(None), q.valid_from <= at)
    return statement.where(and_(begun, or_(q.valid_until.is_(None), q.valid_until > at)))


def _with_qualifications(session: Session, rows: Sequence[Any]) -> list[PersonView]:
    held = _qualifications(session, [row.pk for row in rows])
    return [
        PersonView(
            id=row.id,
            name=row.name,
            language=row.language,
            principal_id=row.principal_id,
            qualifications=tuple(held[row.pk]),
            version=row.version,
            properties=loaded(row.properties),
        )
        for row in rows
    ]


def _qualifications(session: Session, person_pks: Sequence[int]) -> dict[int, list[Qualification]]:
    q = _QUALIFICATION.c
    statement = (
        select(q.person_pk, _CLASS.c.id, q.valid_from, q.valid_until)
        .join_from(_QUALIFICATION, _CLASS)
        .where(q.person_pk.in_(person_pks))
        .order_by(_CLASS.c.id, q.valid_from, q.pk)
    )
    held: dict[int, list[Qualification]] = defaultdict(list)
    for row in session.execute(statement):
        held[row.person_pk].append(Qualification(row.id, row.valid_from, row.valid_until))
    return held


def get_personnel_class(session: Session, *, personnel_class_id: str) -> PersonnelClassView | None:
    """One personnel class."""
    row = session.execute(select(_CLASS).where(_CLASS.c.id == personnel_class_id)).first()
    return None if row is None else PersonnelClassView(row.id, row.description, row.version)


def get_personnel_class_pks(session: Session, ids: Iterable[str]) -> dict[str, int]:
    """Keys of some classes; those that are not here are absent."""
    found = session.execute(select(_CLASS.c.id, _CLASS.c.pk).where(_CLASS.c.id.in_(set(ids))))
    return {row.id: row.pk for row in found}


def list_personnel_classes(
    session: Session, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
) -> Page[PersonnelClassView]:
    """Personnel classes by id."""
    statement = select(_CLASS).order_by(_CLASS.c.id).limit(limit + 1)
    if cursor is not None:
        (after,) = decode_cursor(cursor, (str,))
        statement = statement.where(_CLASS.c.id > after)
    rows = [PersonnelClassView(row.id, row.description, row.version) for row in session.execute(statement)]
    return page_of(rows, limit, lambda found: (found.id,))


def list_sign_in_names(session: Session, *, work_unit_id: str | None = None) -> tuple[SignInName, ...]:
    """Who can sign in with a PIN: those who last did so at this work unit first, then everybody else by name."""
    last = func.max(_SESSION.c.created_at_us).label("last_at_us")
    here = _SESSION.c.work_unit_id.is_(None) if work_unit_id is None else _SESSION.c.work_unit_id == work_unit_id
    recent = select(_SESSION.c.principal_pk, last).where(here).group_by(_SESSION.c.principal_pk).subquery()
    statement = (
        select(_PRINCIPAL.c.id, _PRINCIPAL.c.display_name, _PRINCIPAL.c.language, recent.c.last_at_us)
        .join_from(_PRINCIPAL, _PIN)
        .outerjoin(recent, recent.c.principal_pk == _PRINCIPAL.c.pk)
        .where(_PRINCIPAL.c.kind == PrincipalKind.person.value, _PRINCIPAL.c.disabled_at.is_(None))
    )
    rows = session.execute(statement).all()
    ordered = sorted(rows, key=lambda row: (-(row.last_at_us or 0), row.display_name.casefold(), row.id))
    return tuple(SignInName(row.id, row.display_name, row.language, from_us_or_none(row.last_at_us)) for row in ordered)
