"""health_v1: how a bridge is. `POST /api/v1/bridge/health`, JSON, at most 256 KiB; also the bridge's own status file.

Sent every few seconds and at once when an endpoint comes or goes. It is no fact of production: it is not journaled,
not numbered, not repeated; the newest replaces the one before. Everything is optional but `at_us`: what a bridge does
not know it leaves out, and what is left out is shown as not known, never as well. Fields may be added; a reader
ignores those it does not know.

Times are integers, microseconds since 1970-01-01T00:00:00Z, by the bridge's clock. Lists are bounded whatever the
number of tags: the worst first, with the count of all beside them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

MAX_HEALTH_BYTES: Final = 256 * 1024
MAX_ENDPOINTS: Final = 64
MAX_LISTED: Final = 12
"""Tags, nodes and gaps listed per endpoint; the counts beside them are of all."""
MAX_CERTIFICATES: Final = 64
MAX_NAME: Final = 200
MAX_TEXT: Final = 300
STALE_AFTER_S: Final = 15.0
"""A word older than this says nothing about now."""
SKEW_WARN_S: Final = 2.0
RIDE_THROUGH_TARGET_S: Final = 10.0
STARTING: Final = "starting"
DAY_US: Final = 86_400_000_000

Name = Annotated[str, Meta(max_length=MAX_NAME)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Micros = Annotated[int, Meta(ge=0, lt=4_102_444_800_000_000)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class EndpointState(StrEnum):
    starting = "starting"
    """Not connected yet since the bridge was started."""
    connected = "connected"
    away = "away"
    unknown = "unknown"
    """A word of a later version."""

    @classmethod
    def _missing_(cls, value: object) -> EndpointState | None:
        """A word of a later version is not an error."""
        return cls.unknown if isinstance(value, str) else None


class Trouble(StrEnum):
    """Why a connection is not there, as a kind; the endpoint's `error` has the words."""

    refused = "refused"
    """Nobody listens at the address."""
    unreachable = "unreachable"
    no_such_host = "no-such-host"
    timeout = "timeout"
    silent = "silent"
    """The connection is there, but neither values nor keep-alives come."""
    closed = "closed"
    """Cut, or closed by the machine."""
    untrusted = "untrusted"
    """Nobody has approved the certificate of the machine's server."""
    security = "security"
    """Certificate, user name or security policy is not accepted."""
    server_restarted = "server-restarted"
    subscription_lost = "subscription-lost"
    journal_full = "journal-full"
    other = "other"

    @classmethod
    def _missing_(cls, value: object) -> Trouble | None:
        """A word of a later version is not an error."""
        return cls.other if isinstance(value, str) else None


class Basis(StrEnum):
    """How the time between two changes is known."""

    observed = "observed"
    """The busiest stretch seen since the subscription began."""
    publishing = "publishing"
    """Nothing was seen to change yet: one change in each publishing interval is taken."""

    @classmethod
    def _missing_(cls, value: object) -> Basis | None:
        """A word of a later version is not an error."""
        return cls.publishing if isinstance(value, str) else None


class TagRideThrough(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the machine's server keeps of one tag for a bridge that is away."""

    tag: Name
    ride_through_s: float
    """Revised queue size × time between changes, at most the subscription's lifetime (OPC 10000-4, 5.13.1)."""
    queue_asked: Count
    queue_granted: Count
    sampling_asked_ms: float = 0.0
    """0: the fastest the server has."""
    sampling_granted_ms: float | None = None
    change_s: float = 0.0
    basis: Basis = Basis.publishing


class RideThrough(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long the bridge can be away without loss, over the tags of an endpoint."""

    target_s: float = RIDE_THROUGH_TARGET_S
    tags: Count = 0
    """Tags monitored."""
    minimum_s: float | None = None
    """Of the worst tag."""
    below: Count = 0
    """Tags below the target."""
    revised: Count = 0
    """Tags whose queue the server made smaller, or whose sampling slower, than asked for."""
    worst: list[TagRideThrough] = []
    """Those below the target, the worst first."""


class RefusedNode(msgspec.Struct, frozen=True, omit_defaults=True):
    tag: Name
    status: Annotated[int, Meta(ge=0, lt=2**32)]
    """OPC UA StatusCode."""
    name: Name = ""
    """Its name, `BadNodeIdUnknown`."""
    words: Text = ""
    """What it means, in English (OPC 10000-4, 7.39.2)."""
    next_try_at_us: Micros = 0


class GapNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """A gap the bridge has journaled (ingest_v1)."""

    from_at_us: Micros
    to_at_us: Micros
    reason: Name
    tags: Count = 0
    """How many tags; 0: all of the endpoint."""
    lost: Count | None = None


class HistoryNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the machine's own history had of gaps, since the bridge was started."""

    at_us: Micros = 0
    """When values last came; 0: never."""
    values: Count = 0
    tags: Count = 0
    """Each once a gap."""
    waiting: Count = 0
    """Gaps that are still to be asked about."""
    left_out: Count = 0
    """Tags and gaps of which a server that offers a history gave none."""
    cut_short: Count = 0
    """Tags that had more than is taken."""
    error: Text = ""
    """Why the last one was left out."""


class Publishing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The subscription as asked for and as the machine's server revised it. Milliseconds and seconds."""

    interval_asked_ms: float
    keep_alive_asked_s: float
    lifetime_asked_s: float
    interval_ms: float | None = None
    keep_alive_s: float | None = None
    lifetime_s: float | None = None


class EndpointHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    name: Name
    state: EndpointState = EndpointState.unknown
    since_us: Micros = 0
    """When this state began."""
    url: Text = ""
    trouble: Trouble | None = None
    """Of the last error, which may be over."""
    error: Text = ""
    error_at_us: Micros = 0
    heard_at_us: Micros = 0
    values_10s: float = 0.0
    """Values a second, journaled, over the last 10 s."""
    values_60s: float = 0.0
    values: Count = 0
    """Journaled since the bridge was started."""
    tags: Count = 0
    """In the tag map."""
    refused: Count = 0
    refused_nodes: list[RefusedNode] = []
    clock_skew_s: float | None = None
    """Machine's clock minus the bridge's; positive: the machine is ahead."""
    publishing: Publishing | None = None
    ride_through: RideThrough | None = None
    reconnects: Count = 0
    gaps: Count = 0
    last_gaps: list[GapNote] = []
    """The newest first."""
    history: HistoryNote | None = None
    """None: nothing was ever asked for."""
    certificate_ends_us: Micros | None = None
    """End of the validity of the machine server's certificate."""
    security: Name = ""
    """Policy and mode, or `none`; empty before the first connection."""
    warnings: list[Text] = []
    """What is wrong with certificates and secrets, and not refused; in words."""


class CertificateState(StrEnum):
    waiting = "waiting"
    """Seen, and nobody has decided yet."""
    trusted = "trusted"
    refused = "refused"
    """Somebody has said no."""
    revoked = "revoked"
    """Was trusted, until somebody took it back."""
    unknown = "unknown"
    """A word of a later version."""

    @classmethod
    def _missing_(cls, value: object) -> CertificateState | None:
        """A word of a later version is not an error."""
        return cls.unknown if isinstance(value, str) else None


class CertificateNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """The certificate of a machine's server, as a person needs it who decides on it."""

    thumbprint: Name
    """SHA-256, lower-case hex."""
    state: CertificateState = CertificateState.unknown
    subject: Text = ""
    issuer: Text = ""
    application_uri: Text = ""
    """Of the application it is made out for."""
    hosts: Text = ""
    """DNS names and addresses it is made out for."""
    begins_us: Micros = 0
    ends_us: Micros = 0
    endpoint: Name = ""
    """Where it was seen; empty: before there was a tag map with it."""
    url: Text = ""
    seen_at_us: Micros = 0
    decided_at_us: Micros = 0
    replaces: Name = ""
    """Thumbprint of the one that the same server showed before."""
    flaws: list[Name] = []
    """`expired`, `not-yet-valid`, `wrong-host`, `wrong-application-uri` (OPC 10000-4 clause 6.1.3)."""


class JournalHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    """What waits for the server."""

    depth: Count = 0
    bytes: Count = 0
    max_bytes: Count = 0
    oldest_at_us: Micros | None = None
    """When the oldest item that waits was observed."""
    dropped: Count = 0
    """Measurements dropped for want of room whose gap is not written yet."""


class UplinkHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    error: Text = ""
    """Empty: well; STARTING: the server has not answered yet."""
    error_at_us: Micros = 0
    """Of the last error, which is over if `error` is empty."""
    acknowledged_at_us: Micros = 0
    acknowledged_seq: Count = 0
    delay_s: float | None = None
    """From journaled to held by the server, the last time it was measured."""
    sent_items: Count = 0
    duplicates: Count = 0
    quarantined: Count = 0
    rewinds: Count = 0
    anew: Count = 0


class BridgeHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    at_us: Micros
    """When this was said."""
    started_at_us: Micros = 0
    version: Name = ""
    observe_only: bool = False
    endpoints: Annotated[list[EndpointHealth], Meta(max_length=MAX_ENDPOINTS)] = []
    endpoints_total: Count = 0
    """More than `endpoints` lists if there are more than 64: those in trouble come first."""
    journal: JournalHealth = JournalHealth()
    uplink: UplinkHealth = UplinkHealth()
    commands_error: Text = ""
    server_skew_s: float | None = None
    """Server's clock minus the bridge's."""
    certificate_ends_us: Micros | None = None
    """End of the validity of the bridge's own certificate."""
    certificate: Name = ""
    """Its thumbprint, SHA-256 in hex; empty as long as none was needed."""
    certificates_waiting: list[Name] = []
    """Thumbprints of machine servers' certificates that nobody has decided on."""
    certificates: Annotated[list[CertificateNote], Meta(max_length=MAX_CERTIFICATES)] = []
    """Of machines' servers, those that wait for a decision first."""
    certificates_total: Count = 0


class HealthAnswer(msgspec.Struct, frozen=True):
    server_at_us: int
    """The server's clock, so that the bridge can see that its own is off."""


def certificate_days(ends_us: int, now_us: int) -> int:
    """Whole days left; negative: over since."""
    return (ends_us - now_us) // DAY_US


def certificate_level(days: int) -> str:
    """`well`, then `soon` from 30 days on, `urgent` from 7, `last` from 1."""
    return "last" if days <= 1 else "urgent" if days <= 7 else "soon" if days <= 30 else "well"


def is_skewed(skew_s: float | None) -> bool:
    """Whether two clocks are so far apart that times of events mislead."""
    return skew_s is not None and abs(skew_s) > SKEW_WARN_S


def signature(health: BridgeHealth) -> list[object]:
    """What somebody must be told of at once when it changes; figures that move by themselves are not in it."""
    endpoints = [
        [
            *(e.name, e.state, e.since_us, e.trouble, e.error_at_us, e.refused, e.gaps, is_skewed(e.clock_skew_s)),
            *(0 if e.ride_through is None else e.ride_through.below, _level(e.certificate_ends_us, health.at_us)),
        ]
        for e in health.endpoints
    ]
    own = _level(health.certificate_ends_us, health.at_us)
    bridge = [bool(health.uplink.error), bool(health.journal.dropped), is_skewed(health.server_skew_s), own]
    return [endpoints, *bridge, health.certificates_waiting, [[c.thumbprint, c.state] for c in health.certificates]]


def _level(ends_us: int | None, now_us: int) -> str:
    return "" if ends_us is None else certificate_level(certificate_days(ends_us, now_us))


decode_health = msgspec.json.Decoder(BridgeHealth).decode
decode_health_answer = msgspec.json.Decoder(HealthAnswer).decode
encode = msgspec.json.Encoder().encode
