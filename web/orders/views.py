"""View models of an order's page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from mes.orders.types import Cause, CountFact, OrderCard, OrderDetail, OrderEvent
from mes.orders.yields import StepYield, step_yields
from mes.reporting.types import ReportVersion
from standards.isa95.job_control import InterruptedSubstate
from web.components.job import Amount, JobPanel, amount, sum_of, view_job
from web.components.order import OrderRow, order_row
from web.wording import code_key

COUNTS_SHOWN: Final = 15
TOGETHER: Final = timedelta(seconds=2)
"""The same thing done to several jobs within this time is one line: a release, mostly."""
HIDDEN_EVENTS: Final = frozenset({"orders.pieces-counted.v1", "orders.job-note-changed.v1"})
"""Counts have a table of their own; notes change all the time and are shown with the job."""
ICONS: Final[Mapping[str, str]] = {
    "operations-request-accepted": "send",
    "job-released": "unlock",
    "signed-approved": "check",
    "signed-reviewed": "check",
    "signed-responsible": "check",
    "signed-authored": "check",
    "job-release-revoked": "lock",
    "job-dispatched": "send",
    "ask-pause": "hand",
    "ask-resume": "hand",
    "ask-stop": "hand",
    "command-refused": "triangle-alert",
    "command-expired": "triangle-alert",
    "command-failed": "circle-help",
    "job-accepted": "check",
    "job-started": "play",
    "job-resumed": "play",
    "job-paused": "pause",
    "job-held": "octagon-alert",
    "job-ended": "clipboard-check",
    "job-end-undone": "undo-2",
    "job-aborted": "x",
    "job-forgotten": "circle-help",
    "job-response-published": "send",
    "order-moved-to-version": "refresh-cw",
    "job-moved": "chevron-right",
    "job-parameters-changed": "settings",
    "program-overridden": "unlock",
    "qualification-overridden": "unlock",
    "instruction-acknowledged": "book-open",
    "job-counted": "list",
    "job-count-undone": "undo-2",
    "ask-abort": "hand",
    "operations-request-changed": "settings",
    "operations-request-quantity-changed": "settings",
    "operations-request-cancelled": "ban",
    "job-hold-placed": "octagon-alert",
    "first-article-wanted": "clipboard-check",
    "first-article-due": "octagon-alert",
    "first-article-passed": "check",
    "first-article-failed": "x",
    "job-hold-lifted": "play",
    "job-split": "arrow-up-right",
    "job-merged": "package",
    "jobs-merged": "package",
    "job-cancelled": "ban",
    "job-corrected": "clipboard-check",
    "jobs-sequenced": "list",
    "pieces-sent-to-rework": "wrench",
}
OF_THE_PLANT: Final = frozenset({"job-dispatched", "job-response-published", *(k for k in ICONS if "command-" in k)})
"""Nobody does these: whose act they follow has a line of its own."""
NAMES_THE_MACHINE: Final = frozenset({"job-accepted", "job-forgotten"})


@dataclass(frozen=True, slots=True)
class EventLine:
    """`what` is the key of the words (`n`: a version they may name), `where` the stations it is about.

    `by`: `machine` where the machine's own word made it so, `person` with their name in `who`, "" for the plant itself.
    """

    at: datetime
    what: str
    icon: str
    where: tuple[str, ...]
    by: str
    who: str
    text: str
    n: int


@dataclass(frozen=True, slots=True)
class CountLine:
    """Counts of one kind in a row: from `since` (None: it is one count) to `at`."""

    at: datetime
    since: datetime | None
    equipment_id: str
    kind: str
    reason: str
    amount: Amount
    by: str


@dataclass(frozen=True, slots=True)
class JobLine:
    """One row of the table of jobs. `took_s` is None until it started."""

    equipment_id: str
    step: str
    state: str
    planned: Decimal
    unit: str
    good: Amount
    scrap: Amount
    started_at: datetime | None
    ended_at: datetime | None
    took_s: int | None
    href: str
    job_id: str
    role: str
    hold: str
    rework: Decimal
    deviation: str
    first_pass: int | None
    final: int | None
    """Yields of its step in percent, on the line of the job the step began with; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A version of what the ERP is told of one job; `newest` is the one that counts."""

    at: datetime
    equipment_id: str
    version: int
    good: Amount
    scrap: Amount
    newest: bool


@dataclass(frozen=True, slots=True)
class OrderHead:
    base: str
    row: OrderRow
    version: str
    priority: int
    jobs: tuple[JobLine, ...]


@dataclass(frozen=True, slots=True)
class OrderHistory:
    base: str
    events: tuple[EventLine, ...]
    counts: tuple[CountLine, ...]
    reports: tuple[ReportLine, ...]
    unsure: bool


@dataclass(frozen=True, slots=True)
class OrderPage:
    """`timeline` is a view of `web.orders.timeline`, which is drawn with words of this module."""

    order_id: str
    base: str
    head: OrderHead
    timeline: object
    history: OrderHistory


def base_of(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


def order_head(card: OrderCard, zone: tzinfo, now: datetime) -> OrderHead:
    """Facts, chain and table of jobs."""
    row = order_row(card, zone, now)
    base, yields = base_of(card.operations_request_id), step_yields(card.jobs)
    here = now.astimezone(zone)
    ordered = sorted(card.jobs, key=lambda job: (job.sequence, job.pk))
    lines = tuple(_line(view_job(job, here), yields[job.segment_id], base, zone, now) for job in ordered)
    return OrderHead(base_of(card.operations_request_id), row, card.version, card.priority, lines)


def _line(panel: JobPanel, yields: StepYield, base: str, zone: tzinfo, now: datetime) -> JobLine:
    main = not panel.role and panel.state == "done"
    return JobLine(
        equipment_id=panel.equipment_id,
        step=panel.description or panel.step,
        state=panel.state,
        planned=panel.planned,
        unit=panel.unit,
        good=panel.good,
        scrap=panel.scrap,
        started_at=_local(panel.started_at, zone),
        ended_at=_local(panel.ended_at, zone),
        took_s=_took(panel.started_at, panel.ended_at, now),
        href=f"{base}/job?job_id={quote(panel.job_id, safe='')}",
        job_id=panel.job_id,
        role=panel.role,
        hold=panel.hold,
        rework=panel.rework,
        deviation=panel.deviation,
        first_pass=_percent(yields.first_pass) if main else None,
        final=_percent(yields.final) if main else None,
    )


def _percent(ratio: Decimal | None) -> int | None:
    """Whole percent, never rounded up to all."""
    return None if ratio is None else int(ratio * 100)


def order_history(
    detail: OrderDetail,
    names: Mapping[int, str],
    reasons: Mapping[str, str],
    reports: Iterable[ReportVersion],
    zone: tzinfo,
) -> OrderHistory:
    """What happened, newest first. `names`: principal's key → display name; `reasons`: scrap reason → words."""
    places = {job.job_id: job.equipment_id for job in detail.card.jobs}
    events = tuple(_event(e, places, names, zone) for e in detail.events if e.what not in HIDDEN_EVENTS)
    counts = _in_a_row(_count(c, reasons, zone) for c in detail.counts if c.cause is not Cause.counted)[:COUNTS_SHOWN]
    told = tuple(_report(r, places, zone) for r in reports)
    unsure = any(a.kind != "exact" for line in told for a in (line.good, line.scrap))
    return OrderHistory(base_of(detail.card.operations_request_id), _together(events), counts, told, unsure)


def _event(event: OrderEvent, places: Mapping[str, str], names: Mapping[int, str], zone: tzinfo) -> EventLine:
    short, payload = _short(event), event.payload
    where = str(payload.get("equipment_id") or places.get(str(payload.get("job_order_id", "")), ""))
    who = "" if short in OF_THE_PLANT else names.get(event.actor or 0, "")
    by = "machine" if payload.get("confirmed_by") == "machine" else "person" if who else ""
    by = "" if short in NAMES_THE_MACHINE else by
    return EventLine(
        at=event.at.astimezone(zone),
        what=code_key("event", short),
        icon=ICONS.get(short, "circle-dot"),
        where=(where,) if where else (),
        by=by,
        who=who if by == "person" else "",
        text=_said(payload),
        n=int(payload.get("version", 0)) if short == "job-response-published" else 0,
    )


def _said(payload: Mapping[str, Any]) -> str:
    """What a machine answered, why a person did it, or what they read."""
    way = f"{payload['from']} → {payload['to']}" if "from" in payload and "to" in payload else ""
    words = (payload.get(key, "") for key in ("message", "reason", "title"))
    return " · ".join(str(text) for text in (way, *words) if text)


def _short(event: OrderEvent) -> str:
    """The event's name without its feature and version; what it leaves open is told by its payload."""
    short = event.what.partition(".")[2].rpartition(".v")[0]
    match short:
        case "job-interrupted":
            return "job-paused" if event.payload.get("substate") == InterruptedSubstate.Suspended else "job-held"
        case "job-command-put":
            return f"ask-{event.payload.get('action')}"
        case "act-signed":
            return f"signed-{event.payload.get('meaning')}"
        case "job-command-failed":
            return f"command-{event.payload.get('outcome')}"
        case _:
            return short


def _together(events: Iterable[EventLine]) -> tuple[EventLine, ...]:
    """The same thing done to several jobs at once is one line, its stations in the order they came."""
    lines: list[EventLine] = []
    for event in events:
        last = lines[-1] if lines else None
        same = last and replace(last, at=event.at, where=event.where) == event and last.at - event.at < TOGETHER
        if last and same:
            lines[-1] = replace(last, where=(*event.where, *last.where))
        else:
            lines.append(event)
    return tuple(lines)


def _count(count: CountFact, reasons: Mapping[str, str], zone: tzinfo) -> CountLine:
    return CountLine(
        at=count.at.astimezone(zone),
        since=None,
        equipment_id=count.equipment_id,
        kind=count.kind.value,
        reason=reasons.get(count.reason_id, count.reason_id),
        amount=amount(count.low, count.high),
        by={Cause.operator: "person", Cause.corrected: "correction"}.get(count.cause, "machine"),
    )


def _in_a_row(counts: Iterable[CountLine]) -> tuple[CountLine, ...]:
    """Machines count one by one: what follows on each other, of the same kind, is summed up."""
    lines: list[CountLine] = []
    for count in counts:
        last = lines[-1] if lines else None
        if last and replace(count, at=last.at, since=last.since, amount=last.amount) == last:
            lines[-1] = replace(last, since=count.at, amount=sum_of((last.amount, count.amount)))
        else:
            lines.append(count)
    return tuple(lines)


def _report(report: ReportVersion, places: Mapping[str, str], zone: tzinfo) -> ReportLine:
    return ReportLine(
        at=report.at.astimezone(zone),
        equipment_id=places.get(report.job_id, report.job_id),
        version=report.version,
        good=amount(report.good, report.good_upper),
        scrap=amount(report.scrap, report.scrap_upper),
        newest=report.newest,
    )


def _local(at: datetime | None, zone: tzinfo) -> datetime | None:
    return at.astimezone(zone) if at is not None else None


def _took(started: datetime | None, ended: datetime | None, now: datetime) -> int | None:
    return None if started is None else int(((ended or now) - started) / timedelta(seconds=1))
