"""ingest_v1: how a bridge hands what it saw to the server. `POST /api/v1/bridge/ingest`, JSON.

A bridge numbers everything it ever journals, 1, 2, 3 …, under one `journal_id` (a new journal, a new id). A batch is a
run of that journal: item i has sequence `first_seq + i`. The server keeps what is new, drops what it has, answers the
sequence it holds everything up to, and refuses a batch that would leave a hole (`ingest-sequence-gap`, 409, with
`expected_seq`). Content never blocks the line: what the server cannot use is quarantined and acknowledged.

Times are integers, microseconds since 1970-01-01T00:00:00Z. `source_at_us` is the machine's clock, `observed_at_us`
the bridge's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from standards.opcua.status import Quality

MAX_BATCH_ITEMS: Final = 5_000
MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
MAX_STRING: Final = 4_096
MAX_TAG: Final = 200

Scalar = bool | int | float | str | None
Value = Scalar | list[Scalar]


class Sample(msgspec.Struct, tag_field="kind", tag="sample", frozen=True, omit_defaults=True):
    """One value of one tag. A `bad` sample says that the value is not known, since when, and why (`status`)."""

    tag: str
    value: Value
    observed_at_us: int
    source_at_us: int | None = None
    server_at_us: int | None = None
    quality: Quality = Quality.good
    status: int = 0
    """OPC UA StatusCode, 32 bits."""
    data_type: str = ""
    """OPC UA built-in type ("UInt16", "Double", …); arrays end in "[]"."""
    overflow: bool = False
    """The machine's queue dropped values of this tag before this one."""


class SourceEvent(msgspec.Struct, tag_field="kind", tag="event", frozen=True, omit_defaults=True):
    """An OPC UA event or alarm. `active` and `acked` are None where the event is no condition."""

    tag: str
    """The tag-map name of the notifier or source."""
    event_id: str
    event_type: str
    message: str
    severity: int
    """1 to 1000 (OPC 10000-5 clause 6.4.2)."""
    observed_at_us: int
    source_at_us: int | None = None
    active: bool | None = None
    acked: bool | None = None


class Gap(msgspec.Struct, tag_field="kind", tag="gap", frozen=True, omit_defaults=True):
    """Values may be missing between two instants. Recorded when it is over, before the first value after it."""

    source: str
    """Name of the endpoint in the bridge's tag map."""
    from_at_us: int
    """The last instant for which everything is known."""
    to_at_us: int
    """The first instant after the gap."""
    reason: str
    """connection-lost, subscription-lost, server-restarted, queue-overflow, sequence-gap, item-lost, journal-full or
    bridge-stopped."""
    tags: list[str] | None = None
    """The tags concerned; None: all of the source."""
    lost: int | None = None
    """How many values, where that is known."""


Item = Sample | SourceEvent | Gap


class Batch(msgspec.Struct, frozen=True):
    journal_id: str
    first_seq: int
    items: list[Item]


class BatchAnswer(msgspec.Struct, frozen=True):
    accepted_through: int
    """The server holds every item up to this sequence, durably; the bridge may forget them."""
    duplicates: int = 0
    quarantined: int = 0


decode_batch = msgspec.json.Decoder(Batch).decode
encode = msgspec.json.Encoder().encode
decode_answer = msgspec.json.Decoder(BatchAnswer).decode
