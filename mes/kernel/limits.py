"""Named limits of the kernel. Each refuses with a code when it is reached."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

WRITE_QUEUE_MAX: Final = 10_000
"""Verbs waiting for the writer of one plant; more are answered 503 `database-busy`."""

WRITE_BATCH_MAX: Final = 256
"""Verbs that share one commit."""

READER_THREADS: Final = 4
"""Reads of one plant at the same time."""

ID_MAX: Final = 100
"""Length of an ISA-95 id."""
ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
"""What an id looks like that people and files give."""

Version = Annotated[int, Field(ge=0, lt=2**31)]
"""The version of a document that a caller has read."""

RowNumber = Annotated[int, Field(ge=0, lt=2**63)]
"""A number that a caller was told."""
