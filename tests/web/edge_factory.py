"""Edge boxes as queries would answer them: well, in trouble, silent, of an older version, never heard."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from mes.edge.types import BridgeReport, BridgeView, CertificateView, CommandState, CommandView
from mes.ingest.quarantine.types import QuarantineList, QuarantineView
from mes.ingest.types import CounterCost, GapView
from mes.kernel.paging import Page
from mes.kernel.sqltypes import to_us
from standards.lineside.commands_v1 import TrustAction
from standards.lineside.health_v1 import (
    DAY_US,
    Basis,
    BridgeHealth,
    CertificateNote,
    CertificateState,
    EndpointHealth,
    EndpointState,
    JournalHealth,
    Publishing,
    RefusedNode,
    RideThrough,
    TagRideThrough,
    Trouble,
    UplinkHealth,
)
from tests.web.factory import NOW

NOW_US = to_us(NOW)
MINUTE_US = 60_000_000
LONG_NAME = "Lagergehäusehälften-Bearbeitungszentrum-Halle-Ost-Linie-17-Maschine-0042"
LONG_URL = "opc.tcp://bearbeitungszentrum-0042.fertigung.werk-ost.example.internal:48010/Maschine/OpcUa/Server"


def endpoint(name: str = "smt-1", state: EndpointState = EndpointState.connected, **over: Any) -> EndpointHealth:
    """A connection that has been well for two hours."""
    made: dict[str, Any] = {
        "since_us": NOW_US - 120 * MINUTE_US,
        "url": f"opc.tcp://{name}.plant.example:4840/",
        "heard_at_us": NOW_US - 200_000,
        "values_10s": 412.4,
        "values_60s": 398.7,
        "values": 3_123_456,
        "tags": 180,
        "clock_skew_s": 0.12,
        "publishing": Publishing(100.0, 2.0, 600.0, 100.0, 2.0, 600.0),
        "ride_through": RideThrough(tags=180, minimum_s=48.0),
    }
    return EndpointHealth(name, state, **(made | over))


def away(name: str = "cnc-1", **over: Any) -> EndpointHealth:
    made: dict[str, Any] = {
        "since_us": NOW_US - 12 * MINUTE_US,
        "heard_at_us": NOW_US - 12 * MINUTE_US,
        "trouble": Trouble.refused,
        "error": "ConnectionRefusedError: [Errno 111] Connect call failed ('192.0.2.10', 4840)",
        "error_at_us": NOW_US - 12 * MINUTE_US,
        "values_10s": 0.0,
        "values_60s": 0.0,
        "clock_skew_s": None,
        "reconnects": 3,
        "gaps": 2,
    }
    return endpoint(name, EndpointState.away, **(made | over))


def short_tags(count: int = 14) -> RideThrough:
    worst = [
        TagRideThrough(f"OVEN-1.Zone{n}.Temperature", 0.4 + n / 4, 1_000, 10, 0.0, 50.0, (0.4 + n / 4) / 10, basis)
        for n, basis in zip(range(1, min(count, 12) + 1), (Basis.observed, Basis.publishing) * 6, strict=False)
    ]
    return RideThrough(tags=180, minimum_s=worst[0].ride_through_s, below=count, revised=count + 2, worst=worst)


def unwell(name: str = "oven-1", **over: Any) -> EndpointHealth:
    """Connected, but there is much to look after."""
    nodes = [
        RefusedNode("OVEN-1.Door.Open", 0x80340000, "BadNodeIdUnknown", "", NOW_US + 4 * MINUTE_US),
        RefusedNode("OVEN-1.Belt.Speed", 0x801F0000, "BadUserAccessDenied", "", NOW_US + 30_000_000),
        RefusedNode("OVEN-1.Recipe", 0x80DB0000, "BadTooManyMonitoredItems", "", NOW_US + 5_000_000),
        RefusedNode("OVEN-1.Vendor", 0x80AB0000, "BadInvalidArgument", "", NOW_US + 5_000_000),
    ]
    made: dict[str, Any] = {
        "refused": 6,
        "refused_nodes": nodes,
        "clock_skew_s": 41.3,
        "certificate_ends_us": NOW_US + 6 * DAY_US + 1,
        "publishing": Publishing(100.0, 2.0, 600.0, 500.0, 5.0, 30.0),
        "ride_through": short_tags(),
        "trouble": Trouble.silent,
        "error": "Silence: nothing heard for 4.6 s",
        "error_at_us": NOW_US - 40 * MINUTE_US,
        "reconnects": 1,
    }
    return endpoint(name, **(made | over))


def health(*endpoints: EndpointHealth, **over: Any) -> BridgeHealth:
    made: dict[str, Any] = {
        "at_us": NOW_US - 2_000_000,
        "started_at_us": NOW_US - 3 * DAY_US,
        "version": "0.1.0",
        "endpoints": list(endpoints),
        "endpoints_total": len(endpoints),
        "journal": JournalHealth(12, 4_096, 512 * 1024 * 1024, NOW_US - 2_400_000),
        "uplink": UplinkHealth(delay_s=0.21, acknowledged_seq=9_000, acknowledged_at_us=NOW_US),
        "server_skew_s": 0.02,
    }
    return BridgeHealth(**(made | over))


def report(
    bridge_id: str = "hall-1", told: BridgeHealth | None = None, *, age_s: float = 2.0, **over: Any
) -> BridgeReport:
    """A bridge whose last report came so long ago."""
    at_us = NOW_US - int(age_s * 1_000_000)
    bridge = BridgeView(1, bridge_id, f"Edge box {bridge_id}", at_us, None)
    return BridgeReport(replace(bridge, **over), told, at_us if told is not None else 0)


def silent(bridge_id: str = "hall-2") -> BridgeReport:
    """Nothing was heard of it for eleven minutes."""
    since_us = NOW_US - 11 * MINUTE_US
    told = health(*(endpoint(name, heard_at_us=since_us) for name in ("press-1", "press-2")), at_us=since_us)
    return report(bridge_id, told, age_s=11 * 60, last_seen_at_us=since_us, silent_since_us=since_us)


def plant() -> tuple[BridgeReport, ...]:
    return (
        report("hall-1", health(endpoint(), away(), unwell())),
        silent(),
        report("hall-3", health(endpoint("pack-1"), observe_only=True)),
        report("old-box", None),
        report("new-box", None, last_seen_at_us=None),
    )


def long_names() -> tuple[BridgeReport, ...]:
    ends = (
        away(LONG_NAME, url=LONG_URL, since_us=NOW_US - 3 * DAY_US, trouble=Trouble.security),
        unwell(LONG_NAME + "-b", url=LONG_URL),
    )
    told = health(
        *ends,
        uplink=UplinkHealth(error="the server answered 503 (database-unavailable)", error_at_us=NOW_US - MINUTE_US),
        journal=JournalHealth(1_284_113, 480_000_000, 512 * 1024 * 1024, NOW_US - 7_200_000_000, 81_200),
        server_skew_s=-7_201.0,
        certificate_ends_us=NOW_US - DAY_US,
        endpoints_total=71,
    )
    return (report("hall-ost-fertigung-bearbeitungszentren-linie-17", told, description=""),)


def gaps() -> tuple[GapView, ...]:
    hour_us = 60 * MINUTE_US
    costs = (
        CounterCost("CNC-1.GoodCount", "CNC-1", Decimal(14), Decimal(17)),
        CounterCost("CNC-1.RejectCount", "CNC-1", Decimal(0), None),
    )
    return (
        GapView(
            "cnc-1",
            NOW_US - hour_us,
            NOW_US - hour_us + 90_000_000,
            "connection-lost",
            (),
            None,
            NOW_US,
            costs,
            1_200,
            4,
        ),
        GapView("cnc-1", NOW_US - 5 * hour_us, NOW_US - 5 * hour_us + 2_000_000, "queue-overflow", ("A", "B"), 130, 1),
        GapView("cnc-1", 0, NOW_US - 30 * hour_us, "bridge-stopped", (), None, NOW_US),
    )


def note(number: int, state: CertificateState, **over: Any) -> CertificateNote:
    made: dict[str, Any] = {
        "subject": f"CN=S7-1500 Press {number},O=Plant,C=DE",
        "issuer": f"CN=S7-1500 Press {number},O=Plant,C=DE",
        "application_uri": f"urn:plc:press-{number}",
        "hosts": f"press-{number}.plant.example, 192.0.2.{number}",
        "begins_us": NOW_US - 400 * DAY_US,
        "ends_us": NOW_US + 900 * DAY_US,
        "endpoint": f"press-{number}",
        "url": f"opc.tcp://press-{number}.plant.example:4840/",
        "seen_at_us": NOW_US - 20_000_000,
    }
    return CertificateNote(f"{number:02x}" * 32, state, **(made | over))


def decision(action: str, state: CommandState, *, age_s: int = 40, message: str = "") -> CommandView:
    at_us = NOW_US - age_s * 1_000_000
    payload = {"action": action, "thumbprint": ""}
    return CommandView(1, "c", "trust", payload, state, at_us, at_us + 120_000_000, message, asked_by="Erin Engström")


def certificates() -> tuple[CertificateView, ...]:
    """One of each kind; the first waits because the machine shows another one than before."""
    approve, reject, revoke = TrustAction.approve, TrustAction.reject, TrustAction.revoke
    waits, done = CommandState.waiting, CommandState.done
    changed = note(17, CertificateState.waiting, replaces="9c" * 32, flaws=["wrong-host"])
    expired = note(4, CertificateState.waiting, flaws=["expired"], ends_us=NOW_US - 3 * DAY_US)
    failed = decision("revoke", CommandState.failed, message="the bridge was stopped while it did this")
    return (
        CertificateView(changed, (approve, reject), (decision("approve", waits, age_s=900),)),
        CertificateView(expired, (), (decision("approve", waits),)),
        CertificateView(CertificateNote("ab" * 32, CertificateState.waiting), (approve, reject)),
        CertificateView(note(2, CertificateState.trusted), (revoke,), (decision("approve", done, age_s=90_000),)),
        CertificateView(note(3, CertificateState.refused), (approve,), (decision("reject", done, age_s=300),)),
        CertificateView(note(5, CertificateState.revoked), (approve,), (failed,)),
    )


def long_certificate() -> CertificateView:
    subject = f"CN={LONG_NAME},OU=Fertigung und Montage Halle Ost,O=Maschinenbau Beispiel GmbH & Co. KG,L=Ost,C=DE"
    long = note(
        9,
        CertificateState.waiting,
        subject=subject,
        issuer="CN=Zertifizierungsstelle der Maschinenbau Beispiel GmbH & Co. KG",
        application_uri=f"urn:{LONG_NAME}:SIMATIC.S7-1500.OPC-UA.Application:PLC_1",
        hosts=", ".join(f"{LONG_NAME.lower()}-{n}.fertigung.example" for n in range(3)),
        endpoint=LONG_NAME,
        url=LONG_URL,
        flaws=["expired", "wrong-host", "wrong-application-uri"],
        replaces="9c" * 32,
        ends_us=NOW_US - 3 * DAY_US,
    )
    return CertificateView(long, (TrustAction.approve, TrustAction.reject))


def readings() -> QuarantineList:
    """What nobody could place: one that may be tried again, one nobody could read, one of long names and no words."""
    view = partial(QuarantineView, at=NOW, recorded_at=NOW)
    lost = view(7, "box", "SMT-1-PLACER-A.Reel2", "SMT-1-PLACER-A", "unknown-lot", "R01-A2-00013", may_retry=True)
    unread = view(6, "box", "SMT-1-AOI.Serial", "SMT-1-AOI", "no-read", "NoRead", may_retry=False)
    strange = view(5, LONG_NAME, LONG_URL, "", "moon-phase", LONG_NAME * 3, may_retry=False)
    return QuarantineList(Page((lost, unread, strange), "older"), 12)
