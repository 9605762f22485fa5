"""View models of machines' certificates: how each stands, why, and what became of the last decision. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from urllib.parse import quote

from mes.edge.types import BridgeReport, CertificateView, CommandState, CommandView
from mes.kernel.sqltypes import from_us, to_us
from standards.lineside.health_v1 import CertificateNote, CertificateState, certificate_days, certificate_level
from web.bridges.views import base_of
from web.components.elapsed import Elapsed, elapsed

CERTIFICATE_TONES: Final = {
    "waiting": ("warn", "hourglass"),
    "trusted": ("run", "check"),
    "refused": ("off", "ban"),
    "revoked": ("off", "undo-2"),
    "unknown": ("unknown", "circle-help"),
}
"""State → tone and icon, in the order of the list."""
RANKS: Final = {state: rank for rank, state in enumerate(CERTIFICATE_TONES)}
FLAWS: Final = ("expired", "not-yet-valid", "wrong-host", "wrong-application-uri")
OUTCOME_ICONS: Final = {
    CommandState.waiting: "hourglass",
    CommandState.done: "check",
    CommandState.refused: "ban",
    CommandState.expired: "clock",
    CommandState.failed: "triangle-alert",
}
DECISIONS_SHOWN: Final = 5
GROUP: Final = 4
"""Digits of a fingerprint that are read together."""


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """Who decided what, and what became of it: `outcome` is a CommandState."""

    action: str
    who: str
    at: datetime
    today: bool
    outcome: str
    icon: str
    message: str
    left_s: int


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """One certificate. `reasons`: keys of `certificates.why`; `days` None: nobody knows when it ends."""

    href: str
    thumbprint: str
    groups: tuple[str, ...]
    state: str
    tone: str
    icon: str
    subject: str
    issuer: str
    application_uri: str
    hosts: str
    endpoint: str
    url: str
    seen: Elapsed | None
    begins: datetime | None
    ends: datetime | None
    days: int | None
    level: str
    reasons: tuple[str, ...]
    replaces: tuple[str, ...]
    last: DecisionLine | None
    is_bare: bool


@dataclass(frozen=True, slots=True)
class CertificateList:
    base: str
    name: str
    report: Elapsed | None
    stale: bool
    certificates: tuple[CertificateLine, ...]
    more: int
    waiting: int


@dataclass(frozen=True, slots=True)
class CertificatesPage:
    name: str
    certificates: CertificateList


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """One certificate, and what may be decided now; `stale`: the report it is from is old."""

    base: str
    name: str
    certificate: CertificateLine
    allowed: tuple[str, ...]
    may_decide: bool
    decisions: tuple[DecisionLine, ...]
    report: Elapsed | None
    stale: bool


def certificate_list(
    report: BridgeReport, found: Iterable[CertificateView], zone: tzinfo, now: datetime
) -> CertificateList:
    """Those that wait first, then those trusted."""
    lines = [certificate_line(report, one, zone, now) for one in found]
    lines.sort(key=lambda line: (RANKS[line.state], line.subject, line.thumbprint))
    total = 0 if report.health is None else report.health.certificates_total
    return CertificateList(
        base_of(report.bridge.id),
        report.bridge.description or report.bridge.id,
        _reported(report, now),
        not report.is_fresh(to_us(now)),
        tuple(lines),
        max(0, total - len(lines)),
        sum(line.state == "waiting" for line in lines),
    )


def certificate_page(
    report: BridgeReport, found: CertificateView, zone: tzinfo, now: datetime, *, may_decide: bool
) -> CertificatePage:
    """Everything about one, with what this person may decide."""
    return CertificatePage(
        base_of(report.bridge.id),
        report.bridge.description or report.bridge.id,
        certificate_line(report, found, zone, now),
        tuple(action.value for action in found.allowed) if may_decide else (),
        may_decide,
        tuple(_decision(command, zone, now) for command in found.decisions[:DECISIONS_SHOWN]),
        _reported(report, now),
        not report.is_fresh(to_us(now)),
    )


def certificate_line(report: BridgeReport, found: CertificateView, zone: tzinfo, now: datetime) -> CertificateLine:
    note = found.note
    tone, icon = CERTIFICATE_TONES[note.state.value]
    days = certificate_days(note.ends_us, to_us(now)) if note.ends_us else None
    return CertificateLine(
        href=f"{base_of(report.bridge.id)}/certificates/{quote(note.thumbprint, safe='')}",
        thumbprint=note.thumbprint,
        groups=groups_of(note.thumbprint),
        state=note.state.value,
        tone=tone,
        icon=icon,
        subject=note.subject,
        issuer="" if note.issuer == note.subject else note.issuer,
        application_uri=note.application_uri,
        hosts=note.hosts,
        endpoint=note.endpoint,
        url=note.url,
        seen=elapsed(from_us(note.seen_at_us + report.shift_us), now) if note.seen_at_us else None,
        begins=_day(note.begins_us, zone),
        ends=_day(note.ends_us, zone),
        days=days,
        level="" if days is None else certificate_level(days),
        reasons=reasons_of(note),
        replaces=groups_of(note.replaces),
        last=_decision(found.decisions[0], zone, now) if found.decisions else None,
        is_bare=not note.subject,
    )


def reasons_of(note: CertificateNote) -> tuple[str, ...]:
    """Why it is not trusted, or what to mind although it is."""
    state = () if note.state is CertificateState.trusted else (note.state.value,)
    replaced = ("replaces",) if note.replaces else ()
    return (*state, *replaced, *(flaw if flaw in FLAWS else "other" for flaw in note.flaws))


def groups_of(thumbprint: str) -> tuple[str, ...]:
    """As it is compared with another screen: capital letters, four by four."""
    text = thumbprint.upper()
    return tuple(text[n : n + GROUP] for n in range(0, len(text), GROUP))


def _decision(command: CommandView, zone: tzinfo, now: datetime) -> DecisionLine:
    at = from_us(command.created_at_us).astimezone(zone)
    standing = command.standing(to_us(now))
    return DecisionLine(
        str(command.payload.get("action", "")),
        command.asked_by,
        at,
        at.date() == now.astimezone(zone).date(),
        standing.value,
        OUTCOME_ICONS[standing],
        command.message,
        max(0, (command.expires_at_us - to_us(now)) // 1_000_000),
    )


def _reported(report: BridgeReport, now: datetime) -> Elapsed | None:
    return None if report.health is None else elapsed(from_us(report.received_at_us), now)


def _day(at_us: int, zone: tzinfo) -> datetime | None:
    return from_us(at_us).astimezone(zone) if at_us else None
