"""Verbs of personnel."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col

from mes.access.errors import IdInvalid
from mes.access.privacy.service import erase_principal
from mes.access.queries import get_principal
from mes.access.rules import is_valid_id
from mes.access.service import create_principal, rename_principal, set_role
from mes.access.types import Role
from mes.kernel.errors import VersionConflict
from mes.kernel.properties import Property, stored
from mes.kernel.uow import UnitOfWork
from mes.personnel.errors import (
    PersonExists,
    PersonnelClassExists,
    PersonnelClassNotFound,
    PersonnelClassUnknown,
    PersonNotFound,
    QualificationInvalid,
)
from mes.personnel.queries import get_person
from mes.personnel.rules import qualification_faults
from mes.personnel.tables import Person, PersonnelClass, PersonQualification
from mes.personnel.types import Qualification

_PERSON: Final = Person.__table__  # type: ignore[attr-defined]
_CLASS: Final = PersonnelClass.__table__  # type: ignore[attr-defined]
_QUALIFICATION: Final = PersonQualification.__table__  # type: ignore[attr-defined]


def create_person(
    uow: UnitOfWork,
    *,
    person_id: str,
    name: str,
    language: str = "en",
    qualifications: Sequence[Qualification] = (),
    role: Role | None = None,
    properties: Sequence[Property] | None = None,
) -> None:
    """A new person; with a role also the principal of the same id (an existing one is taken), who can have a PIN.

    `person-exists`, `id-invalid`, `role-kind-mismatch`, `personnel-class-unknown`, `qualification-invalid`.
    """
    _check_id(person_id)
    if _find(uow, person_id) is not None:
        raise PersonExists(f"There is already a person {person_id}.")
    principal_pk = None if role is None else _give_role(uow, person_id, name, language, role)
    said = stored(properties or ())
    person = Person(id=person_id, name=name, language=language, principal_pk=principal_pk, properties=said)
    uow.session.add(person)
    uow.flush()
    _replace_qualifications(uow, person, qualifications)
    _emit(uow, "person-created", person_id)


def update_person(
    uow: UnitOfWork,
    *,
    person_id: str,
    version: int,
    name: str,
    language: str,
    qualifications: Sequence[Qualification],
    role: Role | None = None,
    properties: Sequence[Property] | None = None,
) -> None:
    """Make a person as described, if nobody changed it since `version`. A role given is set, and properties are; None
    leaves them alone.

    `person-not-found`, `version-conflict`, and those of `create_person`.
    """
    person = _find(uow, person_id)
    if person is None:
        raise PersonNotFound(f"There is no person {person_id}.")
    if person.version != version:
        raise VersionConflict(f"{person_id} has version {person.version}, not {version}.")
    _change(uow, person, name, language, qualifications, role, properties)


def put_person(
    uow: UnitOfWork,
    *,
    person_id: str,
    name: str,
    language: str = "en",
    qualifications: Sequence[Qualification] = (),
    role: Role | None = None,
    properties: Sequence[Property] | None = None,
) -> str:
    """Create or change, whatever was there before; repeating it changes nothing. Tells created, updated, unchanged."""
    person = _find(uow, person_id)
    if person is None:
        create_person(
            uow,
            person_id=person_id,
            name=name,
            language=language,
            qualifications=qualifications,
            role=role,
            properties=properties,
        )
        return "created"
    changed = _change(uow, person, name, language, qualifications, role, properties)
    return "updated" if changed else "unchanged"


def erase_person(uow: UnitOfWork, *, person_id: str, reason: str) -> str:
    """Take from a person, and from the principal of that id, what identifies them, for good; what they did stays.

    Answers what they are called from now on. Qualifications stay, under that name: they say that work was done by
    somebody who was qualified. `person-not-found`, and those of `erase_principal`.
    """
    pk = uow.execute(select(_PERSON.c.pk).where(_PERSON.c.id == person_id)).scalar()
    name = f"erased-person-{pk}"
    if get_principal(uow.session, principal_id=person_id) is not None:
        name = erase_principal(uow, principal_id=person_id, reason=reason)
    elif pk is None:
        raise PersonNotFound(f"There is no person {person_id}.")
    if pk is not None:
        values = {"id": name, "name": name, "properties": [], "version": _PERSON.c.version + 1}
        uow.execute(update(_PERSON).where(_PERSON.c.pk == pk).values(**values))
        uow.emit("personnel.person-erased.v1", topics=(), subject=name, payload={"id": name, "reason": reason})
    return name


def create_personnel_class(uow: UnitOfWork, *, personnel_class_id: str, description: str = "") -> None:
    """A new personnel class. `personnel-class-exists`, `id-invalid`."""
    _check_id(personnel_class_id)
    if _find_class(uow, personnel_class_id) is not None:
        raise PersonnelClassExists(f"There is already a personnel class {personnel_class_id}.")
    uow.session.add(PersonnelClass(id=personnel_class_id, description=description))
    _emit(uow, "personnel-class-created", personnel_class_id)


def update_personnel_class(uow: UnitOfWork, *, personnel_class_id: str, version: int, description: str) -> None:
    """Describe a class anew, if nobody changed it since `version`. `personnel-class-not-found`, `version-conflict`."""
    found = _find_class(uow, personnel_class_id)
    if found is None:
        raise PersonnelClassNotFound(f"There is no personnel class {personnel_class_id}.")
    if found.version != version:
        raise VersionConflict(f"{personnel_class_id} has version {found.version}, not {version}.")
    if found.description != description:
        found.description = description
        _emit(uow, "personnel-class-changed", personnel_class_id)


def put_personnel_class(uow: UnitOfWork, *, personnel_class_id: str, description: str = "") -> None:
    """Create or change, whatever was there before; repeating it changes nothing."""
    found = _find_class(uow, personnel_class_id)
    if found is None:
        create_personnel_class(uow, personnel_class_id=personnel_class_id, description=description)
    elif found.description != description:
        found.description = description
        _emit(uow, "personnel-class-changed", personnel_class_id)


def _change(
    uow: UnitOfWork,
    person: Person,
    name: str,
    language: str,
    qualifications: Sequence[Qualification],
    role: Role | None,
    properties: Sequence[Property] | None,
) -> bool:
    """Whether anything of it is new."""
    before = (person.name, person.language, person.principal_pk, person.properties)
    changed = _replace_qualifications(uow, person, qualifications)
    principal_pk = person.principal_pk
    if role is not None:
        principal_pk = _give_role(uow, person.id, person.name, person.language, role)
    if principal_pk is not None:
        rename_principal(uow, principal_id=person.id, display_name=name, language=language)
    person.name, person.language, person.principal_pk = name, language, principal_pk
    if properties is not None and (said := stored(properties)) != person.properties:
        person.properties = said
    after = (person.name, person.language, person.principal_pk, person.properties)
    if not changed and before == after:
        return False
    flag_modified(person, "id")  # the version counts every change of the document, not only of its own row
    _emit(uow, "person-changed", person.id)
    return True


def _give_role(uow: UnitOfWork, person_id: str, name: str, language: str, role: Role) -> int:
    """The person's principal, which now has this role."""
    principal = get_principal(uow.session, principal_id=person_id)
    if principal is None:
        return create_principal(uow, principal_id=person_id, role=role, display_name=name, language=language)
    set_role(uow, principal_id=person_id, role=role)
    return principal.pk


def _replace_qualifications(uow: UnitOfWork, person: Person, wanted: Sequence[Qualification]) -> bool:
    """Whether anything changed."""
    present = get_person(uow.session, person_id=person.id)
    if present is not None and set(present.qualifications) == set(wanted):
        return False
    if faults := qualification_faults(wanted):
        raise QualificationInvalid("; ".join(f"{f.where} {f.message}" for f in faults), errors=faults)
    class_pks = _class_pks(uow, {q.personnel_class_id for q in wanted})
    uow.execute(delete(_QUALIFICATION).where(_QUALIFICATION.c.person_pk == person.pk))
    rows = [
        {
            "person_pk": person.pk,
            "personnel_class_pk": class_pks[q.personnel_class_id],
            "valid_from": q.valid_from,
            "valid_until": q.valid_until,
        }
        for q in wanted
    ]
    if rows:
        uow.execute(insert(_QUALIFICATION), rows)
    return True


def _class_pks(uow: UnitOfWork, ids: Set[str]) -> dict[str, int]:
    found = uow.execute(select(_CLASS.c.id, _CLASS.c.pk).where(_CLASS.c.id.in_(ids)))
    pks = {row.id: int(row.pk) for row in found}
    if missing := sorted(ids - pks.keys()):
        raise PersonnelClassUnknown(f"Unknown: {', '.join(missing)}.")
    return pks


def _find(uow: UnitOfWork, person_id: str) -> Person | None:
    return uow.session.execute(select(Person).where(col(Person.id) == person_id)).scalar_one_or_none()


def _find_class(uow: UnitOfWork, personnel_class_id: str) -> PersonnelClass | None:
    statement = select(PersonnelClass).where(col(PersonnelClass.id) == personnel_class_id)
    return uow.session.execute(statement).scalar_one_or_none()


def _check_id(text: str) -> None:
    if not is_valid_id(text):
        raise IdInvalid(f"{text!r} cannot be used as an id.")


def _emit(uow: UnitOfWork, what: str, subject: str) -> None:
    uow.emit(f"personnel.{what}.v1", topics=(), subject=subject, payload={"id": subject})
