"""Follow what machines say of their jobs and of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mes.edge.types import Signal, TagBinding
from mes.equipment.service import record_known, record_mode, record_remote, record_states, record_unknown
from mes.equipment.statements import load_open_spans, load_status
from mes.equipment.types import StateChange, StateSpan
from mes.ingest.rules import TargetJob, Word, ends_of_runs, holds_from, in_time_order, job_reports
from mes.kernel.uow import UnitOfWork
from mes.orders.service import apply_machine_reports
from mes.orders.types import MachineJobReport
from standards.lineside.ingest_v1 import Sample, SourceEvent
from standards.opcua.status import BAD_NO_COMMUNICATION
from standards.packml.states import STATE_MAPS, EquipmentState

_JOB_SIGNALS = {Signal.job_order, Signal.job_state, Signal.job_substate}


def follow_jobs(
    uow: UnitOfWork,
    bindings: Mapping[str, TagBinding],
    signals: Mapping[int, tuple[Any, int]],
    words: Sequence[Word],
) -> None:
    """Apply the machines' job reports in the order of their own time."""
    by_target: dict[int, list[Word]] = {}
    for word in words:
        if word.binding.signal in _JOB_SIGNALS:
            by_target.setdefault(word.binding.equipment_pk, []).append(word)
    reports: list[MachineJobReport] = []
    for target, its_words in by_target.items():
        reports += job_reports(target, _known_job(bindings, signals, target), in_time_order(its_words))
    apply_machine_reports(uow, reports=sorted(reports, key=lambda report: report.at_us))


def _known_job(bindings: Mapping[str, TagBinding], signals: Mapping[int, tuple[Any, int]], target_pk: int) -> TargetJob:
    """A state that is older than the job's id was said of the job before."""
    said = {b.signal: signals[b.pk] for b in bindings.values() if b.equipment_pk == target_pk and b.pk in signals}
    order_id, named_us = said.get(Signal.job_order, ("", 0))
    state, state_us = said.get(Signal.job_state, (0, named_us))
    substate, _ = said.get(Signal.job_substate, (0, 0))
    if state_us < named_us:
        return TargetJob(str(order_id or ""), None)
    return TargetJob(str(order_id or ""), int(state), int(substate))


def follow_machines(
    uow: UnitOfWork,
    words: Sequence[Word],
    bad: Sequence[tuple[TagBinding, Sample]],
    alarms: Sequence[tuple[int, SourceEvent]],
) -> None:
    """Equipment states, modes, remote control, and what is no longer known."""
    texts = {pk: event.message for pk, event in alarms if event.active is not False}
    _mark_unknown(uow, words, bad)
    told = [word for word in words if word.binding.signal is Signal.equipment_state]
    if not any(binding.signal is Signal.equipment_state for binding, _ in bad):
        told = ends_of_runs(told)
    tails = load_open_spans(uow, {word.binding.equipment_pk for word in told})
    record_states(uow, changes=_state_changes(tails, told, texts), open_spans=tails)
    for word in _last_words(words, Signal.unit_mode):
        record_mode(uow, equipment_pk=word.binding.equipment_pk, mode=int(word.value), at_us=word.at_us)
    for word in _last_words(words, Signal.remote_control):
        _follow_remote(uow, word)


def _follow_remote(uow: UnitOfWork, word: Word) -> None:
    pk = word.binding.equipment_pk
    told_us = load_status(uow, [pk])[pk].remote_at_us
    record_remote(uow, equipment_pk=pk, remote=bool(word.value), at_us=holds_from(word, told_us))


def _last_words(words: Sequence[Word], signal: Signal) -> list[Word]:
    return list({word.binding.pk: word for word in words if word.binding.signal is signal}.values())


def _state_changes(
    tails: Mapping[int, Sequence[StateSpan]], told: Sequence[Word], texts: Mapping[int, str]
) -> list[StateChange]:
    known = {pk: spans[-1].told_us for pk, spans in tails.items() if spans}
    return [_state_change(word, known.get(word.binding.equipment_pk), texts) for word in told]


def _state_change(word: Word, told_us: int | None, texts: Mapping[int, str]) -> StateChange:
    states = STATE_MAPS[word.binding.state_map]
    state = states.get(int(word.value), EquipmentState.Unknown)
    text = texts.get(word.binding.equipment_pk, "") if state in {EquipmentState.Down, EquipmentState.Stopped} else ""
    return StateChange(word.binding.equipment_pk, state, holds_from(word, told_us), cause="", alarm_text=text)


def _mark_unknown(uow: UnitOfWork, words: Sequence[Word], bad: Sequence[tuple[TagBinding, Sample]]) -> None:
    """A bad state is an unknown machine from the instant the bridge lost it."""
    by_cause: dict[tuple[str, int], list[int]] = {}
    for binding, sample in bad:
        if binding.signal is Signal.equipment_state:
            reason = "no-signal" if sample.status == BAD_NO_COMMUNICATION else "bad-quality"
            by_cause.setdefault((reason, sample.observed_at_us), []).append(binding.equipment_pk)
    for (reason, at_us), pks in by_cause.items():
        record_unknown(uow, equipment_pks=pks, at_us=at_us, reason=reason)
    for binding, sample in bad:
        if binding.signal is Signal.remote_control:
            record_remote(uow, equipment_pk=binding.equipment_pk, remote=None, at_us=sample.observed_at_us)


_STILL_GOOD = (
    "SELECT DISTINCT b.equipment_pk FROM signal_value v JOIN tag_binding b ON b.pk = v.binding_pk "
    "WHERE b.bridge_pk = ? AND b.signal = 'equipment-state' AND v.quality = 'good'"
)


def refresh_known(uow: UnitOfWork, bridge_pk: int) -> None:
    """A bridge that was silent speaks again: machines whose last word was good are known again."""
    pks = [row[0] for row in uow.driver_query(_STILL_GOOD, (bridge_pk,))]
    record_known(uow, equipment_pks=pks, at_us=uow.now_us)
