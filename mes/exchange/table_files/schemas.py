"""REST documents of files of rows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mes.exchange.table_files.importing import Imported
from mes.exchange.table_files.types import (
    CELL_MAX,
    DateOrder,
    ImportMapping,
    ImportView,
    Kind,
    Result,
    SavedMapping,
    Style,
    Table,
)
from mes.kernel.texts import NO_NUL

Heading = Annotated[str, StringConstraints(max_length=CELL_MAX), NO_NUL]
FieldName = Annotated[str, StringConstraints(max_length=50), NO_NUL]
Short = Annotated[str, StringConstraints(max_length=100), NO_NUL]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MappingIn(_Document):
    """How files of one kind are read. What is left empty is guessed from each file."""

    kind: Kind
    columns: dict[FieldName, Heading] = Field(default={}, max_length=50, description="Field → heading in the file.")
    fixed: dict[FieldName, Heading] = Field(
        default={}, max_length=50, description="Field → what a row says where its own cell is empty."
    )
    decimal: Literal["", ".", ","] = ""
    dates: DateOrder | None = None
    delimiter: Literal["", ";", ",", "\t", "|"] = ""
    encoding: Literal["", "utf-8", "cp1252", "utf-16"] = ""
    sheet: Short = ""
    pattern: Annotated[str, StringConstraints(max_length=200), NO_NUL] = Field(
        default="", description="A watched folder takes files of such names (`sap_*.csv`) by this mapping."
    )
    version: int | None = Field(default=None, ge=0)
    """The version that was read, 0 where there is none yet; or send If-Match."""

    def saved(self, name: str) -> SavedMapping:
        style = Style(self.decimal, self.dates)
        mapping = ImportMapping(self.columns, self.fixed, style, self.delimiter, self.encoding, self.sheet)
        return SavedMapping(name, self.kind, mapping, self.pattern)


class MappingOut(BaseModel):
    name: str
    kind: Kind
    columns: dict[str, str]
    fixed: dict[str, str]
    decimal: str
    dates: DateOrder | None
    delimiter: str
    encoding: str
    sheet: str
    pattern: str
    version: int

    @classmethod
    def of(cls, saved: SavedMapping) -> MappingOut:
        mapping = saved.mapping
        return cls(
            name=saved.name,
            kind=saved.kind,
            columns=dict(mapping.columns),
            fixed=dict(mapping.fixed),
            decimal=mapping.style.decimal,
            dates=mapping.style.dates,
            delimiter=mapping.delimiter,
            encoding=mapping.encoding,
            sheet=mapping.sheet,
            pattern=saved.pattern,
            version=saved.version,
        )


class CountsOut(BaseModel):
    created: int
    updated: int
    unchanged: int
    refused: int


class RowOut(BaseModel):
    """What became of a row. `line`: of the file, in a workbook the row; `code` and `detail`: why it is refused."""

    line: int
    id: str
    result: Result
    code: str = ""
    detail: str = ""


class FormatOut(BaseModel):
    """How the file was understood."""

    form: Literal["csv", "xlsx"]
    encoding: str
    delimiter: str
    sheet: str
    header_line: int
    decimal: str
    dates: DateOrder | None


class ImportOut(BaseModel):
    """What became of each row. `id` null: it was a dry run, nothing was written."""

    id: str | None
    kind: Kind
    mapping: str
    format: FormatOut
    columns: dict[str, str] = Field(description="Field → heading.")
    unused_columns: list[str]
    counts: CountsOut
    rows: list[RowOut]

    @classmethod
    def of(cls, done: Imported) -> ImportOut:
        reading = done.reading
        return cls(
            id=done.import_id or None,
            kind=reading.kind,
            mapping=done.mapping_name,
            format=_format(reading.table, reading.mapping.style),
            columns=dict(reading.mapping.columns),
            unused_columns=list(reading.unused),
            counts=CountsOut(**asdict(done.counts)),
            rows=[RowOut(**asdict(outcome)) for outcome in done.outcomes],
        )


def _format(table: Table, style: Style) -> FormatOut:
    return FormatOut(
        form="xlsx" if table.form == "xlsx" else "csv",
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        header_line=table.header_line,
        decimal=style.decimal,
        dates=style.dates,
    )


class ImportListed(BaseModel):
    """An import as it is remembered, for 90 days. `finished_at` null: the file waits on screen, for a day."""

    id: str
    kind: Kind
    file: str
    mapping: str
    created_at: datetime
    finished_at: datetime | None
    by: str
    counts: CountsOut

    @classmethod
    def of(cls, view: ImportView) -> ImportListed:
        return cls(
            id=view.import_id,
            kind=view.kind,
            file=view.name,
            mapping=view.mapping_name,
            created_at=view.created_at,
            finished_at=view.finished_at,
            by=view.by,
            counts=CountsOut(**asdict(view.counts)),
        )
