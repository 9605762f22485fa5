"""Persons, personnel classes, qualifications (ISA-95 part 2, personnel model)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field

from mes.kernel.changes import PERSONAL
from mes.kernel.sqltypes import UtcDateTime, Versioned
from mes.kernel.tables import TableModel, properties_column


class Person(TableModel, Versioned, table=True):
    """Somebody who works here. With a principal: somebody who can sign in."""

    __tablename__ = "person"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    name: str = Field(max_length=200, sa_column_kwargs={"info": PERSONAL})
    language: str = Field(default="en", max_length=20)
    principal_pk: int | None = Field(default=None, foreign_key="principal.pk", unique=True)
    properties: list[dict[str, str]] = Field(default_factory=list, sa_column=properties_column(personal=True))


class PersonnelClass(TableModel, Versioned, table=True):
    """A skill or function that persons are qualified for."""

    __tablename__ = "personnel_class"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    description: str = Field(default="", max_length=500)


class PersonQualification(TableModel, table=True):
    """A person is a member of a class for a time."""

    __tablename__ = "qualification"
    __table_args__ = (Index("ix_qualification_class", "personnel_class_pk", "person_pk"),)

    pk: int | None = Field(default=None, primary_key=True)
    person_pk: int = Field(foreign_key="person.pk", index=True)
    personnel_class_pk: int = Field(foreign_key="personnel_class.pk")
    valid_from: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    valid_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
