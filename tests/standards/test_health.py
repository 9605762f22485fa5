"""health_v1: what is not known stays not known, what is new does not hurt; metrics that Prometheus can read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from standards.lineside import metrics
from standards.lineside.health_v1 import (
    DAY_US,
    MAX_ENDPOINTS,
    BridgeHealth,
    EndpointHealth,
    EndpointState,
    JournalHealth,
    RideThrough,
    Trouble,
    certificate_days,
    certificate_level,
    decode_health,
    encode,
    is_skewed,
    signature,
)
from standards.lineside.metrics import Figures, add_bridge, exposition


def test_every_metric_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operate" / "metrics.md").read_text(encoding="utf-8")
    figures = [one for one in vars(metrics).values() if isinstance(one, metrics.Figure)]
    assert len(figures) > 20
    names = [one.name + ("_total" if one.kind == "counter" else "") for one in figures]
    assert [name for name in names if f"`{name}`" not in manual] == []


def test_only_the_instant_is_required_and_nothing_left_out_is_well() -> None:
    health = decode_health(b'{"at_us": 5, "endpoints": [{"name": "plc"}]}')
    assert health.endpoints[0].state is EndpointState.unknown
    assert health.endpoints[0].clock_skew_s is None
    assert health.endpoints[0].ride_through is None


def test_words_of_a_later_version_are_read_as_not_known() -> None:
    health = decode_health(
        b'{"at_us": 5, "moon": 1, "endpoints": [{"name": "a", "state": "dozing", "trouble": "flood", "x": []}]}'
    )
    assert (health.endpoints[0].state, health.endpoints[0].trouble) == (EndpointState.unknown, Trouble.other)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"at_us": -1}',
        b'{"at_us": 1, "endpoints": [{"name": 7}]}',
        b'{"at_us": 1, "endpoints": [{"name": "%s"}]}' % (b"x" * 201),
        b'{"at_us": 1, "journal": {"depth": -1}}',
        encode({"at_us": 1, "endpoints": [{"name": str(n)} for n in range(MAX_ENDPOINTS + 1)]}),
    ],
)
def test_what_is_out_of_bounds_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_health(body)


def test_certificates_are_warned_about_at_thirty_seven_and_one_day() -> None:
    levels = [certificate_level(days) for days in (31, 30, 8, 7, 2, 1, 0, -1)]
    assert levels == ["well", "soon", "soon", "urgent", "urgent", "last", "last", "last"]
    assert certificate_days(10 * DAY_US - 1, 0) == 9
    assert certificate_days(0, 1) == -1


def test_clocks_are_wrong_beyond_two_seconds() -> None:
    assert [is_skewed(s) for s in (None, 0.0, 2.0, -2.0, 2.1, -2.1)] == [False, False, False, False, True, True]


def test_figures_that_move_by_themselves_are_no_news() -> None:
    one = EndpointHealth("plc", EndpointState.connected, 5, values_10s=1.0, clock_skew_s=0.1)
    before = signature(BridgeHealth(at_us=1, endpoints=[one], journal=JournalHealth(5)))
    moved = msgspec.structs.replace(one, values_10s=9.0, clock_skew_s=0.4, heard_at_us=99)
    assert signature(BridgeHealth(at_us=2, endpoints=[moved], journal=JournalHealth(900))) == before
    for change in (
        {"state": EndpointState.away},
        {"since_us": 6},
        {"refused": 1},
        {"gaps": 1},
        {"clock_skew_s": 3.0},
        {"ride_through": RideThrough(below=1)},
        {"certificate_ends_us": DAY_US},
    ):
        assert signature(BridgeHealth(at_us=2, endpoints=[msgspec.structs.replace(one, **change)])) != before


@given(st.text(max_size=50), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**53))
def test_whatever_a_name_holds_prometheus_reads_the_figures_back(name: str, skew_s: float, values: int) -> None:
    endpoint = EndpointHealth(name, EndpointState.connected, values=values, clock_skew_s=skew_s)
    figures = Figures()
    add_bridge(figures, BridgeHealth(at_us=1, endpoints=[endpoint]), {"bridge": name})
    families = {f.name: f for f in text_string_to_metric_families(exposition(figures).decode())}
    [up] = families["lineside_endpoint_up"].samples
    assert (up.labels, up.value) == ({"bridge": name, "endpoint": name}, 1)
    assert families["lineside_endpoint_values"].type == "counter"
    assert families["lineside_endpoint_values"].samples[0].value == values
    assert families["lineside_endpoint_clock_skew_seconds"].samples[0].value == skew_s
    assert "lineside_endpoint_ride_through_seconds" not in families
