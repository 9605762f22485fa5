"""Mappings a plant remembers, and what was imported."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Text
from sqlmodel import Field

from mes.kernel.limits import ID_MAX
from mes.kernel.sqltypes import Versioned
from mes.kernel.tables import TableModel, micros


class ImportMappingRow(Versioned, TableModel, table=True):
    """How files of one kind are read."""

    __tablename__ = "import_mapping"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=ID_MAX, unique=True)
    kind: str = Field(max_length=40)
    pattern: str = Field(max_length=200)
    content: str = Field(sa_column=Column(Text, nullable=False))
    """JSON of an `ImportMapping`."""


class ImportFileRow(TableModel, table=True):
    """A file: kept while it waits to be imported, afterwards what became of its rows."""

    __tablename__ = "import_file"
    __table_args__ = (Index("ix_import_file_created_at_us", "created_at_us"),)

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=36, unique=True)
    kind: str = Field(max_length=40)
    name: str = Field(max_length=200)
    mapping: str = Field(sa_column=Column(Text, nullable=False))
    """JSON of the `ImportMapping` it is read by; of what was left open, too."""
    mapping_name: str = Field(max_length=ID_MAX)
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at_us: int = Field(sa_column=micros())
    finished_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    actor: int | None = None
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    headers: str = Field(sa_column=Column(Text, nullable=False))
    refused_rows: str = Field(sa_column=Column(Text, nullable=False))
    """JSON of `RefusedRow`s."""
