"""Record what machines say about themselves. Set-based: load once, fold with rules, write once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mes.equipment import rules, statements
from mes.equipment.tables import ALARM_TEXT_MAX, CAUSE_MAX
from mes.equipment.types import EquipmentPlace, StateChange, StateSpan, UnknownReason
from mes.kernel.uow import UnitOfWork
from standards.packml.states import EquipmentState

Timelines = Mapping[int, tuple[StateSpan, ...]]
Folded = Mapping[int, tuple[Sequence[StateSpan], Sequence[StateSpan]]]


def record_states(uow: UnitOfWork, *, changes: Sequence[StateChange], open_spans: Timelines | None = None) -> None:
    """Write state facts of any equipment, in whatever order they come, several times or late.

    Emits `equipment.state-changed.v1` for each span that is new. A fact that changes nothing costs two reads.
    `open_spans`: those of all this equipment as they are now (`load_open_spans`), where somebody has them already.
    """
    if not changes:
        return
    by_equipment: dict[int, list[StateChange]] = {}
    for change in changes:
        by_equipment.setdefault(change.equipment_pk, []).append(_bounded(change))
    timelines = _load(uow, by_equipment, open_spans)
    folded = {
        pk: (timelines.get(pk, ()), rules.fold_states(timelines.get(pk, ()), facts))
        for pk, facts in by_equipment.items()
    }
    statements.rewrite_spans(uow, {pk: pair for pk, pair in folded.items() if pair[0] != pair[1]})
    woken = _update_status(uow, folded, by_equipment)
    _emit_states(uow, {pk: spans for pk, pair in folded.items() if (spans := _new_spans(*pair))}, woken)


def _new_spans(before: Sequence[StateSpan], after: Sequence[StateSpan]) -> list[tuple[StateSpan, bool]]:
    """The spans that say something new, each with whether it is the present one."""
    known = {_said(span) for span in before}
    return [(span, span is after[-1]) for span in after if _said(span) not in known]


def _said(span: StateSpan) -> tuple[Any, ...]:
    return span.from_us, span.state, span.cause, span.alarm_text


def _bounded(change: StateChange) -> StateChange:
    """A machine's text may be long; it is cut, never refused."""
    if len(change.cause) <= CAUSE_MAX and len(change.alarm_text) <= ALARM_TEXT_MAX:
        return change
    return change._replace(cause=change.cause[:CAUSE_MAX], alarm_text=change.alarm_text[:ALARM_TEXT_MAX])


def _load(
    uow: UnitOfWork, by_equipment: Mapping[int, list[StateChange]], open_spans: Timelines | None
) -> dict[int, tuple[StateSpan, ...]]:
    """The tail of each timeline that the facts may touch."""
    first = {pk: min(fact.at_us for fact in facts) for pk, facts in by_equipment.items()}
    spans = dict(statements.load_open_spans(uow, list(first)) if open_spans is None else open_spans)
    late = [pk for pk, tail in spans.items() if first[pk] <= tail[0].from_us]
    if late:
        spans |= statements.load_spans_since(uow, late, min(first[pk] for pk in late))
    return spans


def _update_status(uow: UnitOfWork, folded: Folded, by_equipment: Mapping[int, list[StateChange]]) -> list[int]:
    """Keep the status rows; answers the equipment that is known again in the state it had."""
    status = statements.load_status(uow, list(by_equipment))
    updates: dict[int, dict[str, Any]] = {}
    woken = []
    for pk, facts in by_equipment.items():
        row, tail = status[pk], folded[pk][1][-1]
        updates[pk] = _changed(row, _status_values(row, tail, facts))
        if updates[pk].get("known") and "state" not in updates[pk] and "since_us" not in updates[pk]:
            woken.append(pk)
    statements.update_status(uow, updates)
    return woken


def _status_values(row: statements.Status, tail: StateSpan, facts: Sequence[StateChange]) -> dict[str, Any]:
    known = rules.is_known(tail.state, silenced=False)
    heard = [fact.at_us for fact in facts if fact.state is not EquipmentState.Unknown]
    reason = "" if known else (row.unknown_reason or UnknownReason.BadQuality.value)
    return {
        "state": tail.state.value,
        "since_us": tail.from_us,
        "known": known,
        "known_at_us": max([*heard, row.known_at_us or 0]) or None,
        "unknown_reason": reason,
        "unknown_since_us": None if known else tail.from_us,
    }


def _changed(row: statements.Status, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if getattr(row, name) != value}


def _emit_states(uow: UnitOfWork, new: Mapping[int, Sequence[tuple[StateSpan, bool]]], woken: Sequence[int]) -> None:
    places = statements.load_places(uow, [*new, *woken])
    for pk, spans in new.items():
        for span, is_current in spans:
            _emit_state(uow, places[pk], span, is_current=is_current)
    for pk in woken:
        _emit_knowledge(uow, places[pk], known=True, reason="", at_us=uow.now_us)


def _emit_state(uow: UnitOfWork, place: EquipmentPlace, span: StateSpan, *, is_current: bool) -> None:
    uow.emit(
        "equipment.state-changed.v1",
        topics=place.topics,
        subject=f"equipment/{place.equipment_id}",
        payload={
            "equipment_id": place.equipment_id,
            "state": span.state.value,
            "from_at_us": span.from_us,
            "cause": span.cause,
            "alarm_text": span.alarm_text,
            "current": is_current,
        },
        occurred_at_us=span.from_us,
    )


def _emit_knowledge(uow: UnitOfWork, place: EquipmentPlace, *, known: bool, reason: str, at_us: int) -> None:
    uow.emit(
        "equipment.became-known.v1" if known else "equipment.became-unknown.v1",
        topics=place.topics,
        subject=f"equipment/{place.equipment_id}",
        payload={"equipment_id": place.equipment_id, "reason": reason},
        occurred_at_us=at_us,
    )


def record_unknown(uow: UnitOfWork, *, equipment_pks: Collection[int], at_us: int, reason: str) -> None:
    """From `at_us` on nobody can say what this equipment does.

    "bad-quality" and "no-signal" are facts of the machine: they enter its timeline as Unknown. "bridge-silent" is our
    own ignorance: the bridge will tell later what happened, so only the present status says it. Repeating it changes
    nothing.
    """
    if UnknownReason(reason) is UnknownReason.BridgeSilent:
        _silence(uow, equipment_pks, at_us)
        return
    facts = [StateChange(pk, EquipmentState.Unknown, at_us, cause=reason) for pk in equipment_pks]
    record_states(uow, changes=facts)
    status = statements.load_status(uow, equipment_pks)
    wrong = {pk: {"unknown_reason": reason} for pk, r in status.items() if not r.known and r.unknown_reason != reason}
    statements.update_status(uow, wrong)


def _silence(uow: UnitOfWork, equipment_pks: Collection[int], at_us: int) -> None:
    status = statements.load_status(uow, equipment_pks)
    silenced = [pk for pk, row in status.items() if row.known]
    values = {"known": False, "unknown_reason": UnknownReason.BridgeSilent.value, "unknown_since_us": at_us}
    statements.update_status(uow, dict.fromkeys(silenced, values))
    places = statements.load_places(uow, silenced)
    for place in places.values():
        _emit_knowledge(uow, place, known=False, reason=UnknownReason.BridgeSilent.value, at_us=at_us)


def record_known(uow: UnitOfWork, *, equipment_pks: Collection[int], at_us: int) -> None:
    """The machine, or the bridge that watches it, gave a good word at `at_us`: ends "bridge-silent".

    Unknown by bad quality ends only with a good state (`record_states`).
    """
    if not equipment_pks:
        return
    statements.touch_known(uow, equipment_pks, at_us)
    status = statements.load_status(uow, equipment_pks)
    silent = UnknownReason.BridgeSilent.value
    woken = [pk for pk, row in status.items() if not row.known and row.unknown_reason == silent]
    values = {"known": True, "unknown_reason": "", "unknown_since_us": None}
    statements.update_status(uow, dict.fromkeys(woken, values))
    places = statements.load_places(uow, woken)
    for place in places.values():
        _emit_knowledge(uow, place, known=True, reason="", at_us=at_us)


def record_mode(uow: UnitOfWork, *, equipment_pk: int, mode: int | None, at_us: int) -> None:
    """The unit mode (PackML: 1 Produce, 2 Maintenance, 3 Manual) from `at_us` on; None: unknown. Older facts lose."""
    _record_word(uow, equipment_pk, "mode", mode, at_us)


def record_remote(uow: UnitOfWork, *, equipment_pk: int, remote: bool | None, at_us: int) -> None:
    """Whether the machine takes commands from `at_us` on (remote control); None: unknown. Older facts lose."""
    _record_word(uow, equipment_pk, "remote", remote, at_us)


def _record_word(uow: UnitOfWork, equipment_pk: int, name: str, value: Any, at_us: int) -> None:
    row = statements.load_status(uow, [equipment_pk])[equipment_pk]
    told_at = getattr(row, f"{name}_at_us")
    if told_at is not None and told_at > at_us:
        return
    changed = getattr(row, name) != value
    statements.update_status(uow, {equipment_pk: {name: value, f"{name}_at_us": at_us} if changed else {}})
    if changed:
        place = statements.load_places(uow, [equipment_pk])[equipment_pk]
        uow.emit(
            f"equipment.{name}-changed.v1",
            topics=place.topics,
            subject=f"equipment/{place.equipment_id}",
            payload={"equipment_id": place.equipment_id, name: value},
            occurred_at_us=at_us,
        )
