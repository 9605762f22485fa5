"""The bookkeeping beside the values: rates, changes, delays, and what kind of trouble an error is."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import pytest
from asyncua import ua

from opcua_bridge.refusals import UntrustedServer
from opcua_bridge.source import ServerRestarted, Silence, SubscriptionLost
from opcua_bridge.standing import ChangeRates, Delay, Flow, SourceHealth, trouble_of, watched_s
from standards.lineside.health_v1 import Basis, EndpointState, Trouble


class Tick:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def tick() -> Tick:
    return Tick()


def run(tick: Tick, seconds: float, each_s: float, do: Callable[[], None]) -> None:
    end = tick.at + seconds
    while tick.at < end - each_s / 2:
        do()
        tick.at += each_s


def test_the_flow_is_a_mean_over_whole_seconds_and_forgets_after_a_minute(tick: Tick) -> None:
    flow = Flow(tick)
    assert flow.per_s(10) == 0
    run(tick, 30, 0.1, lambda: flow.add(7))
    assert flow.per_s(10) == flow.per_s(60) == 70
    run(tick, 5, 1.0, lambda: None)
    assert (flow.per_s(10), flow.per_s(60)) == (35, 60)
    tick.at += 61
    assert (flow.per_s(10), flow.per_s(60)) == (0, 0)
    flow.add(1)
    assert len(flow._seconds) == 1, "what is older than a minute is not kept"


def test_a_busy_item_is_known_by_its_busiest_ten_seconds(tick: Tick) -> None:
    rates = ChangeRates(tick)
    rates.saw([1, 2, 3])
    assert rates.change_s(1, 0.1) == (0.1, Basis.publishing), "a first value is no change"
    run(tick, 10, 0.5, lambda: rates.saw([1] * 10))
    run(tick, 10, 0.5, lambda: rates.saw([1]))
    assert rates.change_s(1, 0.1) == (10 / 200, Basis.observed)
    assert rates.change_s(2, 0.1) == (0.1, Basis.publishing)


def test_a_slow_item_is_known_by_all_that_was_watched(tick: Tick) -> None:
    rates = ChangeRates(tick)
    rates.saw([1])
    run(tick, 60, 20, lambda: rates.saw([1]))
    assert rates.change_s(1, 0.1) == (20, Basis.observed)
    rates.settle()
    assert rates.change_s(1, 0.1) == (60 / 3, Basis.observed)


def test_the_same_items_again_count_each_time(tick: Tick) -> None:
    alike, others = ChangeRates(tick), ChangeRates(tick)
    items = (1, 2, 2)
    for rates, seen in ((alike, lambda: items), (others, lambda: list(items))):
        tick.at = 0.0
        rates.forget()
        run(tick, 19, 0.5, lambda rates=rates, seen=seen: rates.saw(seen()))
        rates.saw([1])
        run(tick, 40, 0.5, lambda rates=rates, seen=seen: rates.saw(seen()))
    assert [alike.change_s(n, 9.0) for n in (1, 2)] == [others.change_s(n, 9.0) for n in (1, 2)]
    assert alike.change_s(2, 9.0) == (10 / 40, Basis.observed)


def test_after_a_minute_ten_seconds_of_sixty_are_watched(tick: Tick) -> None:
    rates = ChangeRates(tick)
    run(tick, 60, 0.5, lambda: rates.saw([1]))
    run(tick, 10, 5, lambda: rates.saw([2]))
    run(tick, 50, 0.5, lambda: rates.saw([3]))
    run(tick, 540, 0.5, lambda: rates.saw([1]))
    assert rates.change_s(1, 9.0) == (0.5, Basis.observed)
    assert rates.change_s(2, 9.0) == (watched_s(660), Basis.observed)
    assert rates.change_s(3, 9.0) == (9.0, Basis.publishing), "nobody looked"
    assert watched_s(660) == 60 + 10 * 10


def test_another_subscription_is_another_matter(tick: Tick) -> None:
    rates = ChangeRates(tick)
    run(tick, 20, 0.5, lambda: rates.saw([1] * 5))
    assert rates.change_s(1, 0.1)[1] is Basis.observed
    rates.forget()
    assert rates.change_s(1, 0.1) == (0.1, Basis.publishing)


def test_the_delay_is_that_of_one_item_at_a_time() -> None:
    delay = Delay()
    delay.acknowledged(4, 1_000_000)
    assert delay.last_s is None
    delay.appended(5, 1_000_000)
    delay.appended(9, 1_900_000)
    delay.acknowledged(4, 1_500_000)
    assert delay.last_s is None
    delay.acknowledged(7, 3_500_000)
    assert delay.last_s == 2.5
    delay.acknowledged(9, 9_000_000)
    assert delay.last_s == 2.5, "nobody has looked at item 9"
    delay.appended(10, 10_000_000)
    delay.forget()
    delay.acknowledged(20, 99_000_000)
    assert delay.last_s == 2.5


KNOWN = [
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), Trouble.refused),
    (OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] a, [Errno {errno.ECONNREFUSED}] b"), Trouble.refused),
    (OSError(errno.EHOSTUNREACH, "No route to host"), Trouble.unreachable),
    (socket.gaierror(-2, "Name or service not known"), Trouble.no_such_host),
    (TimeoutError(), Trouble.timeout),
    (ua.uaerrors.BadTimeout(), Trouble.timeout),
    (ConnectionResetError(errno.ECONNRESET, "reset"), Trouble.closed),
    (ConnectionError("closed right after it was accepted"), Trouble.closed),
    (ua.uaerrors.BadConnectionClosed(), Trouble.closed),
    (ua.uaerrors.BadCertificateUntrusted(), Trouble.security),
    (ua.uaerrors.BadUserAccessDenied(), Trouble.security),
    (ua.uaerrors.BadSecurityChecksFailed(), Trouble.security),
    (UntrustedServer("ab" * 32), Trouble.untrusted),
    (Silence("nothing heard"), Trouble.silent),
    (SubscriptionLost("gone"), Trouble.subscription_lost),
    (ServerRestarted("again"), Trouble.server_restarted),
    (ua.uaerrors.BadInternalError(), Trouble.other),
    (ValueError("?"), Trouble.other),
]


@pytest.mark.parametrize(("error", "kind"), KNOWN, ids=lambda value: str(value)[:40])
def test_every_error_is_some_kind_of_trouble(error: BaseException, kind: Trouble) -> None:
    assert trouble_of(error) is kind


def test_a_state_has_a_beginning_and_a_reason() -> None:
    told: list[EndpointState] = []
    health = SourceHealth()
    health.on_change = lambda: told.append(health.state)
    health.has_failed("refused", Trouble.refused, 10)
    health.has_failed("refused", Trouble.refused, 20)
    assert (health.state, health.since_us, health.last_error_at_us) == (EndpointState.away, 10, 10)
    health.is_heard(30)
    health.is_heard(40)
    assert (health.state, health.since_us, health.heard_at_us, health.error) == (EndpointState.connected, 30, 40, "")
    assert (health.last_error, health.trouble) == ("refused", Trouble.refused), "what it was is not forgotten"
    health.is_away(50)
    health.is_away(60)
    health.has_failed("silence", Trouble.silent, 55)
    assert (health.state, health.since_us, health.last_error_at_us) == (EndpointState.away, 50, 55)
    assert told == ["away", "connected", "away", "away"]
