"""REST documents of personnel."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mes.access.schemas import LANGUAGE
from mes.access.types import Role
from mes.kernel.limits import Version
from mes.kernel.paging import Page
from mes.kernel.properties import PropertyDocument, PropertyDocuments
from mes.kernel.texts import NO_NUL
from mes.personnel.types import PersonnelClassView, PersonView, Qualification


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QualificationDocument(_Document):
    personnel_class: str = Field(max_length=100)
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    """The first instant at which it no longer holds."""

    def as_value(self) -> Qualification:
        return Qualification(self.personnel_class, self.valid_from, self.valid_until)


class ErasureIn(_Document):
    reason: Annotated[str, Field(min_length=1, max_length=500), NO_NUL]
    """It stays in the record: a number of the request, not a name."""


class ErasedOut(_Document):
    person_id: str
    """What they are called from now on."""


class PersonIn(_Document):
    id: str = Field(max_length=100)
    name: str = Field(min_length=1, max_length=200)
    language: str = Field(default="en", max_length=20, pattern=LANGUAGE)
    qualifications: list[QualificationDocument] = Field(default=[], max_length=200)
    role: Role | None = None
    """Makes the person able to sign in. Only administrators may send it."""
    properties: PropertyDocuments | None = None


class PersonChange(_Document):
    """The whole person as it is to be."""

    name: str = Field(min_length=1, max_length=200)
    language: str = Field(max_length=20, pattern=LANGUAGE)
    qualifications: list[QualificationDocument] = Field(max_length=200)
    role: Role | None = None
    """None leaves the role alone. Only administrators may send another."""
    properties: PropertyDocuments | None = None
    """None leaves them alone."""
    version: Version | None = None
    """The version that was read; or send If-Match."""


class PersonOut(_Document):
    id: str
    name: str
    language: str
    principal_id: str | None
    qualifications: list[QualificationDocument]
    properties: list[PropertyDocument]
    version: int

    @classmethod
    def of(cls, view: PersonView) -> PersonOut:
        return cls(
            id=view.id,
            name=view.name,
            language=view.language,
            principal_id=view.principal_id,
            qualifications=[
                QualificationDocument(
                    personnel_class=q.personnel_class_id, valid_from=q.valid_from, valid_until=q.valid_until
                )
                for q in view.qualifications
            ],
            properties=[PropertyDocument.of(one) for one in view.properties],
            version=view.version,
        )


class PersonPage(_Document):
    items: list[PersonOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[PersonView]) -> PersonPage:
        return cls(items=[PersonOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class PersonnelClassIn(_Document):
    id: str = Field(max_length=100)
    description: str = Field(default="", max_length=500)


class PersonnelClassChange(_Document):
    description: str = Field(max_length=500)
    version: Version | None = None
    """The version that was read; or send If-Match."""


class PersonnelClassOut(_Document):
    id: str
    description: str
    version: int

    @classmethod
    def of(cls, view: PersonnelClassView) -> PersonnelClassOut:
        return cls(id=view.id, description=view.description, version=view.version)


class PersonnelClassPage(_Document):
    items: list[PersonnelClassOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[PersonnelClassView]) -> PersonnelClassPage:
        return cls(items=[PersonnelClassOut.of(view) for view in page.items], next_cursor=page.next_cursor)
