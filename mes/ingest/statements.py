"""Hand-written SQL of ingest: a few statements a batch, whatever its size. `?` is a parameter on both databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any, Final

import msgspec
import orjson

from mes.edge.types import Signal, TagBinding
from mes.equipment.counter_rules import Baseline
from mes.ingest.rules import Quarantined, Word, instant_of
from mes.kernel.pending import keyed_update, upsert
from mes.kernel.uow import UnitOfWork, marks
from standards.lineside.ingest_v1 import Gap, HistoryOf, Item, Sample, SourceEvent

_TURN: Final = 2**64
_BINDINGS: Final = (
    "SELECT pk, tag, signal, equipment_pk, counts, reason_id, units_per_count_e6, modulus, counting_point_of_pk, "
    "max_per_s, retentive, state_map, what, unit, slot_id FROM tag_binding WHERE bridge_pk = ?"
)


def load_bindings(uow: UnitOfWork, bridge_pk: int) -> dict[str, TagBinding]:
    """What the tags of a bridge mean, by tag."""
    rows = uow.driver_query(_BINDINGS, (bridge_pk,))
    return {row[1]: _binding(row) for row in rows}


def _binding(row: Sequence[Any]) -> TagBinding:
    pk, tag, signal, equipment, counts, reason, units, modulus, point, max_per_s, retentive, states, *words = row
    return TagBinding(
        pk,
        tag,
        Signal(signal),
        equipment,
        counts,
        reason,
        units,
        modulus,
        point,
        max_per_s,
        bool(retentive),
        states,
        *words,
    )


def load_cursor(uow: UnitOfWork, bridge_pk: int, journal_id: str) -> int:
    """How far a journal was read; 0 for a new one."""
    rows = uow.driver_query(
        "SELECT seq FROM ingest_cursor WHERE bridge_pk = ? AND journal_id = ?", (bridge_pk, journal_id)
    )
    return int(rows[0][0]) if rows else 0


def has_other_journal(uow: UnitOfWork, bridge_pk: int, journal_id: str) -> bool:
    """Whether the bridge had another journal before this one."""
    return bool(
        uow.driver_query(
            "SELECT 1 FROM ingest_cursor WHERE bridge_pk = ? AND journal_id <> ? LIMIT 1", (bridge_pk, journal_id)
        )
    )


def move_cursor(uow: UnitOfWork, bridge_pk: int, journal_id: str, seq: int) -> None:
    """A journal was read up to `seq`."""
    uow.driver_execute(
        "INSERT INTO ingest_cursor (bridge_pk, journal_id, seq) VALUES (?, ?, ?) "
        "ON CONFLICT (bridge_pk, journal_id) DO UPDATE SET seq = excluded.seq",
        (bridge_pk, journal_id, seq),
    )


_SIGNALS: Final = "SELECT binding_pk, value, at_us FROM signal_value WHERE binding_pk >= ? AND binding_pk <= ?"
"""The keys of a bridge's bindings lie close together."""


def load_signals(uow: UnitOfWork, pks: Set[int]) -> dict[int, tuple[Any, int]]:
    """The last good value of some tags, and since when, by binding."""
    if not pks:
        return {}
    rows = uow.driver_query(_SIGNALS, (min(pks), max(pks)))
    return {pk: (orjson.loads(value), at_us) for pk, value, at_us in rows if pk in pks}


_SAVE_SIGNALS: Final = upsert(
    "signal_value",
    (
        ("value", "text"),
        ("quality", "text"),
        ("at_us", "bigint"),
        ("observed_at_us", "bigint"),
        ("binding_pk", "bigint"),
    ),
)


def save_signals(uow: UnitOfWork, words: Mapping[int, Word]) -> None:
    """Keep the last word of each tag."""
    rows = [(orjson.dumps(w.value).decode(), "good", w.at_us, w.observed_at_us, pk) for pk, w in words.items()]
    uow.driver_rows(_SAVE_SIGNALS, rows)


def mark_signals_bad(uow: UnitOfWork, binding_pks: Sequence[int]) -> None:
    """The last word of these tags no longer holds."""
    uow.driver_executemany(
        "UPDATE signal_value SET quality = 'bad' WHERE binding_pk = ?", [(pk,) for pk in binding_pks]
    )


_BASELINES: Final = (
    "SELECT binding_pk, asset_pk, value, at_us, marker, suspect_value, suspect_at_us, gap_from_us, data_type "
    "FROM counter_baseline WHERE binding_pk >= ? AND binding_pk <= ?"
)


def load_baselines(uow: UnitOfWork, pks: Set[int]) -> dict[int, tuple[int | None, Baseline]]:
    """Counter baselines, each with the machine it belongs to, by binding."""
    if not pks:
        return {}
    rows = uow.driver_query(_BASELINES, (min(pks), max(pks)))
    return {row[0]: (row[1], _baseline(Baseline._make(row[2:]))) for row in rows if row[0] in pks}


def _baseline(stored: Baseline) -> Baseline:
    if stored.value >= 0 and stored.suspect_value is None:
        return stored
    suspect = stored.suspect_value
    return stored._replace(value=stored.value % _TURN, suspect_value=None if suspect is None else suspect % _TURN)


def _signed(value: int | None) -> int | None:
    """64 bits without a sign, in a column that has one."""
    return value if value is None or value < _TURN // 2 else value - _TURN


_SAVE_BASELINES: Final = upsert(
    "counter_baseline",
    (
        ("asset_pk", "bigint"),
        ("value", "bigint"),
        ("at_us", "bigint"),
        ("marker", "text"),
        ("suspect_value", "bigint"),
        ("suspect_at_us", "bigint"),
        ("gap_from_us", "bigint"),
        ("data_type", "text"),
        ("binding_pk", "bigint"),
    ),
)


def save_baselines(uow: UnitOfWork, baselines: Mapping[int, tuple[int | None, Baseline]]) -> None:
    """Keep where each counter stands."""
    uow.driver_rows(_SAVE_BASELINES, [_baseline_row(pk, asset, base) for pk, (asset, base) in baselines.items()])


_MOVE_BASELINES: Final = keyed_update(
    "counter_baseline", (("value", "bigint"), ("at_us", "bigint"), ("binding_pk", "bigint"))
)


def move_baselines(uow: UnitOfWork, moved: Sequence[tuple[int, int, int]]) -> None:
    """Keep value (below 2^63) and time of counters of which nothing else is new; the binding's key last."""
    uow.driver_rows(_MOVE_BASELINES, moved)


def _baseline_row(pk: int, asset: int | None, b: Baseline) -> tuple[Any, ...]:
    suspect = _signed(b.suspect_value)
    return asset, _signed(b.value), b.at_us, b.marker, suspect, b.suspect_at_us, b.gap_from_us, b.data_type, pk


def insert_quarantine(uow: UnitOfWork, bridge_pk: int, journal_id: str, rows: Sequence[Quarantined]) -> None:
    """Keep items nobody can use."""
    uow.driver_executemany(
        "INSERT INTO quarantine (bridge_pk, journal_id, seq, tag, reason, item, until_us, recorded_at_us) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                bridge_pk,
                journal_id,
                row.seq,
                storable(getattr(row.item, "tag", ""))[:200],
                row.reason,
                storable(_json(row.item)),
                row.until_us,
                uow.now_us,
            )
            for row in rows
        ],
    )


def load_waiting(uow: UnitOfWork, bridge_pk: int, tags: Collection[str]) -> dict[str, tuple[int, Sample]]:
    """Of slots, what nobody could place and is still in there: key and sample, by tag."""
    sql = (
        "SELECT pk, tag, item FROM quarantine WHERE bridge_pk = ? AND decision = '' AND until_us IS NULL "  # noqa: S608
        f"AND tag IN ({marks(tags)}) ORDER BY pk"
    )
    rows = uow.driver_query(sql, (bridge_pk, *tags))
    return {tag: (pk, msgspec.json.decode(item, type=Sample)) for pk, tag, item in rows}


def end_waiting(uow: UnitOfWork, rows: Sequence[tuple[int, int]]) -> None:
    """A slot's tag said something else: until when, key."""
    uow.driver_executemany("UPDATE quarantine SET until_us = ? WHERE pk = ?", rows)


def load_parts(uow: UnitOfWork, pks: Collection[int]) -> dict[int, tuple[Any, int]]:
    """What tags said last that results are made of, as long as it holds, and since when, by binding."""
    sql = f"SELECT binding_pk, value, at_us FROM signal_value WHERE quality = 'good' AND binding_pk IN ({marks(pks)})"  # noqa: S608
    return {pk: (orjson.loads(value), at_us) for pk, value, at_us in uow.driver_query(sql, tuple(pks))}


def save_parts(uow: UnitOfWork, parts: Mapping[int, tuple[Any, int]]) -> None:
    """As `load_parts` answers them."""
    rows = [(orjson.dumps(value).decode(), "good", at_us, at_us, pk) for pk, (value, at_us) in parts.items()]
    uow.driver_rows(_SAVE_SIGNALS, rows)


def insert_gaps(uow: UnitOfWork, bridge_pk: int, gaps: Sequence[Gap]) -> None:
    """Record that values may be missing."""
    uow.driver_executemany(
        "INSERT INTO gap (bridge_pk, source, from_at_us, to_at_us, reason, tags, lost, recorded_at_us) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                bridge_pk,
                storable(gap.source)[:100],
                gap.from_at_us,
                gap.to_at_us,
                storable(gap.reason)[:40],
                storable(" ".join(gap.tags or ())),
                gap.lost,
                uow.now_us,
            )
            for gap in gaps
        ],
    )


def add_filled(uow: UnitOfWork, bridge_pk: int, gap: HistoryOf, rows: Sequence[tuple[int, int, int, int]]) -> None:
    """Values of a gap that its machine's history had: binding, how many, the first and the last instant.

    They come in the order of time; what does not is a repetition."""
    found = uow.driver_query(
        "SELECT pk FROM gap WHERE bridge_pk = ? AND source = ? AND from_at_us = ? AND to_at_us = ? "
        "ORDER BY pk DESC LIMIT 1",
        (bridge_pk, storable(gap.source)[:100], gap.from_at_us, gap.to_at_us),
    )
    if not found:
        return
    uow.driver_executemany(
        "INSERT INTO gap_filled (gap_pk, binding_pk, n, first_at_us, last_at_us) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (gap_pk, binding_pk) DO UPDATE SET n = CASE "
        "WHEN excluded.first_at_us > gap_filled.last_at_us THEN gap_filled.n + excluded.n "
        "WHEN excluded.n > gap_filled.n THEN excluded.n ELSE gap_filled.n END, "
        "first_at_us = CASE WHEN excluded.first_at_us < gap_filled.first_at_us THEN excluded.first_at_us "
        "ELSE gap_filled.first_at_us END, "
        "last_at_us = CASE WHEN excluded.last_at_us > gap_filled.last_at_us THEN excluded.last_at_us "
        "ELSE gap_filled.last_at_us END",
        [(found[0][0], *row) for row in rows],
    )


def insert_alarms(uow: UnitOfWork, alarms: Sequence[tuple[int, SourceEvent]]) -> None:
    """Record events of machines: equipment, event."""
    uow.driver_executemany(
        "INSERT INTO alarm (equipment_pk, event_id, event_type, message, severity, active, at_us, recorded_at_us) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                pk,
                storable(event.event_id)[:200],
                storable(event.event_type)[:200],
                storable(event.message)[:1000],
                event.severity,
                event.active,
                instant_of(event),
                uow.now_us,
            )
            for pk, event in alarms
        ],
    )


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL character; a machine may send one."""
    return text.replace("\x00", "\ufffd")


def _json(item: Item) -> str:
    return msgspec.json.encode(item).decode()
