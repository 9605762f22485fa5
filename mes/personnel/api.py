"""REST of personnel: persons with their qualifications, personnel classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Response
from pydantic import AwareDatetime

from mes.access.door import Caller, caller, require
from mes.access.door.bulk import Atomic, BulkOf, BulkOut, put_rows, rows_by_id
from mes.access.door.pages import Cursor, Limit
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router, refuses
from mes.access.permissions import Permission
from mes.access.types import Role
from mes.kernel.paging import LIMIT_DEFAULT
from mes.kernel.properties import exact_properties
from mes.kernel.uow import UnitOfWork
from mes.personnel import queries, service
from mes.personnel.errors import PersonnelClassNotFound, PersonNotFound
from mes.personnel.schemas import (
    ErasedOut,
    ErasureIn,
    PersonChange,
    PersonIn,
    PersonnelClassChange,
    PersonnelClassIn,
    PersonnelClassOut,
    PersonnelClassPage,
    PersonOut,
    PersonPage,
)

router = api_router("personnel")

Viewer = Annotated[Caller, Depends(caller(Permission.view_floor))]
Administrator = Annotated[Caller, Depends(caller(Permission.manage_access))]
Engineer = Annotated[Caller, Depends(caller(Permission.manage_master_data))]


@router.get("/persons")
async def list_persons(
    caller: Viewer,
    personnel_class: str | None = None,
    qualified_at: AwareDatetime | None = None,
    name: str | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PersonPage:
    """Persons by id; `personnel_class` with `qualified_at`: who may do it then."""
    page = await caller.read(
        queries.list_persons,
        personnel_class_id=personnel_class,
        qualified_at=qualified_at,
        name=name,
        cursor=cursor,
        limit=limit,
    )
    return PersonPage.of(page)


@router.post(
    "/persons",
    status_code=201,
    openapi_extra=refuses(
        "id-invalid last-administrator person-exists person-not-found personnel-class-unknown "
        "principal-exists principal-not-found qualification-invalid role-kind-mismatch"
    ),
)
async def create_person(caller: Engineer, body: PersonIn, response: Response) -> PersonOut:
    """A new person."""
    _may_set(caller, body.role)
    await caller.write(
        service.create_person,
        person_id=body.id,
        name=body.name,
        language=body.language,
        qualifications=[q.as_value() for q in body.qualifications],
        role=body.role,
        properties=exact_properties(body.properties),
    )
    response.headers["Location"] = f"/api/v1/persons/{body.id}"
    return await _shown_person(caller, body.id, response)


@router.post(
    "/persons/bulk",
    openapi_extra=refuses(
        "bulk-row-repeated id-invalid last-administrator person-exists personnel-class-unknown "
        "principal-exists principal-not-found qualification-invalid role-kind-mismatch"
    ),
)
async def upsert_persons(caller: Engineer, body: BulkOf[PersonIn], atomic: Atomic = False) -> BulkOut:
    """Persons as described, made where they are new; the same again changes nothing."""
    for row in body.rows:
        _may_set(caller, row.role)
    return await put_rows(caller, _put_persons, rows_by_id(body.rows, lambda row: row.id), atomic=atomic)


@router.get("/persons/{person_id}", openapi_extra=refuses("person-not-found"))
async def get_person(caller: Viewer, person_id: str, response: Response) -> PersonOut:
    """One person."""
    return await _shown_person(caller, person_id, response)


@router.put(
    "/persons/{person_id}",
    openapi_extra=refuses(
        "id-invalid last-administrator person-not-found personnel-class-unknown principal-exists "
        "principal-not-found qualification-invalid role-kind-mismatch"
    ),
)
async def update_person(
    caller: Engineer, person_id: str, body: PersonChange, response: Response, if_match: IfMatch = None
) -> PersonOut:
    """Make a person as described."""
    _may_set(caller, body.role)
    await caller.write(
        service.update_person,
        person_id=person_id,
        version=expected_version(if_match, body.version),
        name=body.name,
        language=body.language,
        qualifications=[q.as_value() for q in body.qualifications],
        role=body.role,
        properties=exact_properties(body.properties),
    )
    return await _shown_person(caller, person_id, response)


@router.post(
    "/persons/{person_id}/erase",
    openapi_extra=refuses("last-administrator person-not-found principal-not-found role-kind-mismatch"),
)
async def erase_person(caller: Administrator, person_id: str, body: ErasureIn) -> ErasedOut:
    """Take from a person what identifies them, for good: name, id, credentials, addresses. What they did stays."""
    name = await caller.write(service.erase_person, person_id=person_id, reason=body.reason)
    return ErasedOut(person_id=name)


@router.get("/personnel-classes")
async def list_personnel_classes(
    caller: Viewer, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> PersonnelClassPage:
    """Personnel classes by id."""
    page = await caller.read(queries.list_personnel_classes, cursor=cursor, limit=limit)
    return PersonnelClassPage.of(page)


@router.post(
    "/personnel-classes",
    status_code=201,
    openapi_extra=refuses("id-invalid personnel-class-exists personnel-class-not-found"),
)
async def create_personnel_class(caller: Engineer, body: PersonnelClassIn, response: Response) -> PersonnelClassOut:
    """A new personnel class."""
    await caller.write(service.create_personnel_class, personnel_class_id=body.id, description=body.description)
    response.headers["Location"] = f"/api/v1/personnel-classes/{body.id}"
    return await _shown_class(caller, body.id, response)


@router.get("/personnel-classes/{personnel_class_id}", openapi_extra=refuses("personnel-class-not-found"))
async def get_personnel_class(caller: Viewer, personnel_class_id: str, response: Response) -> PersonnelClassOut:
    """One personnel class."""
    return await _shown_class(caller, personnel_class_id, response)


@router.put("/personnel-classes/{personnel_class_id}", openapi_extra=refuses("personnel-class-not-found"))
async def update_personnel_class(
    caller: Engineer,
    personnel_class_id: str,
    body: PersonnelClassChange,
    response: Response,
    if_match: IfMatch = None,
) -> PersonnelClassOut:
    """Describe a personnel class anew."""
    await caller.write(
        service.update_personnel_class,
        personnel_class_id=personnel_class_id,
        version=expected_version(if_match, body.version),
        description=body.description,
    )
    return await _shown_class(caller, personnel_class_id, response)


def _put_persons(uow: UnitOfWork, *, rows: Sequence[PersonIn]) -> Mapping[str, str]:
    return {row.id: _put_person(uow, row) for row in rows}


def _put_person(uow: UnitOfWork, row: PersonIn) -> str:
    return service.put_person(
        uow,
        person_id=row.id,
        name=row.name,
        language=row.language,
        qualifications=[qualification.as_value() for qualification in row.qualifications],
        role=row.role,
        properties=exact_properties(row.properties),
    )


def _may_set(caller: Caller, role: Role | None) -> None:
    if role is not None:
        require(caller, Permission.manage_access)


async def _shown_person(caller: Caller, person_id: str, response: Response) -> PersonOut:
    view = await caller.read(queries.get_person, person_id=person_id)
    if view is None:
        raise PersonNotFound(f"There is no person {person_id}.")
    response.headers["ETag"] = etag(view.version)
    return PersonOut.of(view)


async def _shown_class(caller: Caller, personnel_class_id: str, response: Response) -> PersonnelClassOut:
    view = await caller.read(queries.get_personnel_class, personnel_class_id=personnel_class_id)
    if view is None:
        raise PersonnelClassNotFound(f"There is no personnel class {personnel_class_id}.")
    response.headers["ETag"] = etag(view.version)
    return PersonnelClassOut.of(view)
