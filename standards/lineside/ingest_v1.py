"""ingest_v1: how a bridge hands what it saw to the server. `POST /api/v1/bridge/ingest`, JSON or MessagePack.

A bridge numbers everything it ever journals, 1, 2, 3 …, under one `journal_id` (a new journal, a new id). A batch is a
run of that journal that begins with number `first_seq`; every item takes one number, `Samples` one for each value. The
server keeps what is new, drops what it has, answers the number it holds everything up to, and refuses a batch that
would leave a hole (`ingest-sequence-gap`, 409, with `expected_seq`). Content never blocks the line: what the server
cannot use is quarantined and acknowledged.

Times are integers, microseconds since 1970-01-01T00:00:00Z. `source_at_us` is the machine's clock, `observed_at_us`
the bridge's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from standards.opcua.status import Quality, overflowed, quality_of

MAX_BATCH_ITEMS: Final = 5_000
"""Numbers in one batch: items, and every value of `Samples`."""
MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
MAX_STRING: Final = 4_096
MAX_TAG: Final = 200
MSGPACK: Final = "application/vnd.msgpack"
"""Content type of the compact encoding: the same document in MessagePack."""

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


class HistoryOf(msgspec.Struct, frozen=True):
    """The gap (`source`, `from_at_us`, `to_at_us`) of which the machine's server was asked afterwards."""

    source: str
    from_at_us: int
    to_at_us: int


class Samples(msgspec.Struct, tag_field="kind", tag="samples", frozen=True, omit_defaults=True):
    """Values that were seen together, as columns: entry i of each is about value i. What a `Sample` means, smaller.

    Refused as a whole (`ingest-unreadable`) unless the columns fit together.
    """

    tags: list[str]
    """The tags that occur."""
    tag: list[int]
    """Whose value it is: a place in `tags`."""
    value: list[Value]
    observed_at_us: int
    """The bridge's clock, of all of them."""
    age_us: list[int | None] = []
    """`observed_at_us` less the machine's time of the value (its source's, else its server's); None where the machine
    gave none; empty: it gave none to any."""
    status: list[int] = []
    """OPC UA StatusCode, 32 bits; quality and overflow are read from it. Empty: all Good."""
    data_types: list[str] = []
    """OPC UA built-in type of each of `tags`; may be empty."""
    history_of: HistoryOf | None = None
    """Read from the machine's own history after a gap: older than what was told before. Only what has its place by its
    own time alone can be used, measurements and identities; each needs the machine's time."""

    def __post_init__(self) -> None:
        count = len(self.value)
        columns = (self.age_us, self.status)
        if len(self.tag) != count or any(len(column) not in (0, count) for column in columns):
            raise ValueError("columns of different lengths")
        if len(self.data_types) not in (0, len(self.tags)):
            raise ValueError("data_types does not fit tags")
        if count and not 0 <= min(self.tag) <= max(self.tag) < len(self.tags):
            raise ValueError("tag out of range")
        if self.status and not 0 <= min(self.status) <= max(self.status) < 2**32:
            raise ValueError("status out of range")


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
    """The tags concerned; None: all of the bridge's. A bridge of several endpoints names those of `source`."""
    lost: int | None = None
    """How many values, where that is known."""


Item = Sample | SourceEvent | Gap
Entry = Item | Samples


def numbers_of(entry: Entry) -> int:
    """How many numbers it takes."""
    return len(entry.value) if isinstance(entry, Samples) else 1


def samples_of(block: Samples) -> list[Sample]:
    """The values of a block, each by itself."""
    return [sample_at(block, place) for place in range(len(block.value))]


def sample_at(block: Samples, place: int) -> Sample:
    """One value of a block by itself."""
    status = block.status[place] if block.status else 0
    age_us = block.age_us[place] if block.age_us else None
    tag = block.tag[place]
    return Sample(
        tag=block.tags[tag],
        value=block.value[place],
        observed_at_us=block.observed_at_us,
        source_at_us=None if age_us is None else block.observed_at_us - age_us,
        quality=quality_of(status),
        status=status,
        data_type=block.data_types[tag] if block.data_types else "",
        overflow=overflowed(status),
    )


def single_values(block: Samples) -> list[Sample] | list[Samples]:
    """The same, one value an item. What comes out of a machine's history keeps saying so."""
    if block.history_of is None:
        return samples_of(block)
    return [_one_of(block, place) for place in range(len(block.value))]


def _one_of(block: Samples, place: int) -> Samples:
    tag = block.tag[place]
    return msgspec.structs.replace(
        block,
        tags=[block.tags[tag]],
        tag=[0],
        value=[block.value[place]],
        age_us=block.age_us[place : place + 1],
        status=block.status[place : place + 1],
        data_types=block.data_types[tag : tag + 1],
    )


def later_part(block: Samples, since: int) -> Samples:
    """A block without its first `since` values."""
    return msgspec.structs.replace(
        block,
        tag=block.tag[since:],
        value=block.value[since:],
        age_us=block.age_us[since:],
        status=block.status[since:],
    )


class Batch(msgspec.Struct, frozen=True):
    journal_id: str
    first_seq: int
    items: list[Entry]


class BatchAnswer(msgspec.Struct, frozen=True):
    accepted_through: int
    """The server holds every item up to this sequence, durably; the bridge may forget them."""
    duplicates: int = 0
    quarantined: int = 0


decode_batch = msgspec.json.Decoder(Batch).decode
decode_packed_batch = msgspec.msgpack.Decoder(Batch).decode
encode = msgspec.json.Encoder().encode
pack = msgspec.msgpack.Encoder().encode
unpack_entry = msgspec.msgpack.Decoder(Entry).decode
decode_answer = msgspec.json.Decoder(BatchAnswer).decode
