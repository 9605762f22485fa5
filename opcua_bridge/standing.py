"""How a connection stands: since when, what was wrong last and when, how much comes, how often each item changes.

Bookkeeping beside the path of the values: a few additions a response, nothing a value.
"""

from __future__ import annotations

import errno
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from asyncua import ua

from standards.lineside.health_v1 import Basis, EndpointState, Trouble
from standards.lineside.ingest_v1 import Gap

GAPS_KEPT: Final = 20
FLOW_S: Final = 60
WATCH_S: Final = 10.0
WATCH_EVERY_S: Final = 60.0
"""Changes are counted for the first minute of a subscription, then for 10 s of every 60."""
Monotonic = Callable[[], float]


class Flow:
    """Values a second over the last seconds, at most the last minute."""

    def __init__(self, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._seconds: deque[tuple[int, int]] = deque()
        """Second and how many, those of the last minute."""

    def add(self, count: int) -> None:
        second = int(self._monotonic())
        if self._seconds and self._seconds[-1][0] == second:
            count += self._seconds.pop()[1]
        self._seconds.append((second, count))
        while self._seconds[0][0] < second - FLOW_S:
            self._seconds.popleft()

    def per_s(self, seconds: int) -> float:
        """Mean over the last whole seconds, or since the beginning if that is less."""
        now = int(self._monotonic())
        span_s = max(1, min(seconds, now - int(self._began)))
        return sum(count for second, count in self._seconds if now - span_s <= second < now) / span_s


class ChangeRates:
    """How often monitored items change: looked at for ten seconds at a time, all through the first minute.

    The time between changes is that of the busiest ten seconds, and where no ten seconds saw two, all that was watched
    divided by what was seen. The value that begins a subscription is no change.
    """

    def __init__(self, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self.forget()

    def forget(self) -> None:
        """A new subscription: other handles, other values."""
        self._began = self._monotonic()
        self._window: int | None = 0
        self._watched_s = 0.0
        self._now: Counter[int] = Counter()
        self._alike: Sequence[int] = ()
        self._times = 0
        self._busiest: dict[int, int] = {}
        self._total: dict[int, int] = {}

    def saw(self, handles: Sequence[int]) -> None:
        """One notification: the client handle of each of its values. The same object as before is not counted, only how
        often it came."""
        self.settle()
        if self._window is None:
            return
        if handles is not self._alike:
            self._count()
            self._alike = handles
        self._times += 1

    def _count(self) -> None:
        times, self._times = self._times, 0
        if times == 1:
            self._now.update(self._alike)
        elif times:
            self._now.update({handle: count * times for handle, count in Counter(self._alike).items()})

    def settle(self) -> None:
        """When another window has begun: note what the last one saw. On the event loop's thread only."""
        elapsed_s = self._monotonic() - self._began
        window = window_at(elapsed_s)
        if window == self._window:
            return
        self._count()
        self._window, self._watched_s = window, watched_s(elapsed_s)
        for handle, count in self._now.items():
            changes = count if handle in self._total else count - 1
            self._total[handle] = self._total.get(handle, 0) + changes
            self._busiest[handle] = max(self._busiest.get(handle, 0), changes)
        self._now = Counter()

    def change_s(self, handle: int, publishing_s: float) -> tuple[float, Basis]:
        """Seconds between two changes of an item, and how that is known, as of the last `settle`. On any thread."""
        busiest, total = self._busiest.get(handle, 0), self._total.get(handle, 0)
        if busiest > 1:
            return WATCH_S / busiest, Basis.observed
        if total > 0:
            return self._watched_s / total, Basis.observed
        return publishing_s, Basis.publishing


def window_at(elapsed_s: float) -> int | None:
    """The number of the window that is open so long after the beginning: six in the first minute, then one a minute."""
    if elapsed_s < WATCH_EVERY_S:
        return int(elapsed_s // WATCH_S)
    minute, second = divmod(elapsed_s, WATCH_EVERY_S)
    return int(WATCH_EVERY_S // WATCH_S + minute - 1) if second < WATCH_S else None


def watched_s(elapsed_s: float) -> float:
    """How long was watched, in whole windows."""
    if elapsed_s < WATCH_EVERY_S:
        return elapsed_s // WATCH_S * WATCH_S
    minute, second = divmod(elapsed_s, WATCH_EVERY_S)
    return WATCH_EVERY_S + WATCH_S * (minute - 1 + (second >= WATCH_S))


class Delay:
    """From journaled to held by the server, measured one item at a time."""

    def __init__(self) -> None:
        self.last_s: float | None = None
        self._seq = self._at_us = 0

    def appended(self, seq: int, at_us: int) -> None:
        """The journal holds everything up to `seq`."""
        if not self._seq:
            self._seq, self._at_us = seq, at_us

    def acknowledged(self, seq: int, at_us: int) -> None:
        """The server holds everything up to `seq`."""
        if self._seq and seq >= self._seq:
            self.last_s = round(max(0, at_us - self._at_us) / 1_000_000, 3)
            self._seq = 0

    def forget(self) -> None:
        """The journal has begun anew, with other numbers."""
        self._seq = 0


@dataclass
class BackfillStanding:
    """What came out of the machine's own history after gaps, since the bridge was started."""

    at_us: int = 0
    values: int = 0
    tags: int = 0
    """Each once a gap."""
    waiting: int = 0
    """Gaps that are still to be asked about."""
    left_out: int = 0
    """Tags and gaps of which the server gave no history though it offers one."""
    cut_short: int = 0
    """Tags that had more than is taken."""
    error: str = ""


@dataclass
class SourceHealth:
    """Of one endpoint. `error` is empty while all is well; `last_error` stays."""

    connected: bool = False
    error: str = "starting"
    heard_at_us: int = 0
    reconnects: int = 0
    gaps: int = 0
    samples: int = 0
    republished: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    small_queues: dict[str, int] = field(default_factory=dict)
    """Tags whose queue the server made smaller than asked for and than 1000, and how small."""
    security: str = ""
    """Policy and mode, or `none`; empty before the first connection."""
    warnings: list[str] = field(default_factory=list)
    """What is wrong with certificates and secrets, and not refused; in words."""
    retry_s: float = 0.0
    """How long the next try is put off, after a refusal for the sake of security."""
    state: EndpointState = EndpointState.starting
    since_us: int = 0
    last_error: str = ""
    last_error_at_us: int = 0
    trouble: Trouble | None = None
    clock_skew_s: float | None = None
    certificate_ends_us: int | None = None
    backfill: BackfillStanding = field(default_factory=BackfillStanding)
    last_gaps: deque[Gap] = field(default_factory=lambda: deque(maxlen=GAPS_KEPT))
    flow: Flow = field(default_factory=Flow)
    rates: ChangeRates = field(default_factory=ChangeRates)
    on_change: Callable[[], None] = lambda: None
    """Called when the endpoint has come or gone, or is away for another reason."""

    def is_heard(self, at_us: int) -> None:
        """A publish response has come."""
        self.error, self.heard_at_us = "", at_us
        if not self.connected:
            self.connected, self.state, self.since_us = True, EndpointState.connected, at_us
            self.on_change()

    def is_away(self, at_us: int) -> None:
        """The connection has ended, whatever the reason."""
        if self.connected:
            self.connected, self.state, self.since_us = False, EndpointState.away, at_us
            self.on_change()

    def has_failed(self, text: str, trouble: Trouble, at_us: int) -> None:
        """Why there is no connection. The same again keeps the time of the first."""
        if text == self.error and text == self.last_error:
            return
        self.error = self.last_error = text
        self.last_error_at_us, self.trouble = at_us, trouble
        if self.state is EndpointState.starting:
            self.state, self.since_us = EndpointState.away, at_us
        self.on_change()

    def note_gap(self, gap: Gap) -> Gap:
        """Remember it among the last ones."""
        self.last_gaps.appendleft(gap)
        return gap


_BY_NUMBER: Final = {
    errno.ECONNREFUSED: Trouble.refused,
    errno.EHOSTUNREACH: Trouble.unreachable,
    errno.ENETUNREACH: Trouble.unreachable,
    errno.ENETDOWN: Trouble.unreachable,
    errno.EHOSTDOWN: Trouble.unreachable,
    errno.ETIMEDOUT: Trouble.timeout,
}
_SECURITY: Final = ("BadCertificate", "BadSecurity", "BadIdentity", "BadUser", "BadApplicationSignature", "BadNonce")


def trouble_of(error: BaseException) -> Trouble:
    """What kind of trouble an error of a connection is. An error that knows says so by itself (`trouble`)."""
    own = getattr(error, "trouble", None)
    if isinstance(own, Trouble):
        return own
    if isinstance(error, ua.UaError):
        return _trouble_of_status(type(error).__name__)
    if isinstance(error, OSError):
        return _trouble_of_network(error)
    return Trouble.other


def _trouble_of_status(name: str) -> Trouble:
    if name.startswith(_SECURITY):
        return Trouble.security
    if "Timeout" in name:
        return Trouble.timeout
    return Trouble.closed if "Closed" in name or "Communication" in name else Trouble.other


def _trouble_of_network(error: OSError) -> Trouble:
    if isinstance(error, socket.gaierror):
        return Trouble.no_such_host
    if error.errno in _BY_NUMBER:
        return _BY_NUMBER[error.errno]
    if isinstance(error, TimeoutError):
        return Trouble.timeout
    if isinstance(error, ConnectionError):
        return Trouble.closed
    several = [kind for number, kind in _BY_NUMBER.items() if f"[Errno {number}]" in str(error)]
    return several[0] if several else Trouble.unreachable
