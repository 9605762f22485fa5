"""How the bridge says it is: to a person, to a file, to the server, to Prometheus; bounded whatever it has to say."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from asyncua import ua
from prometheus_client.parser import text_string_to_metric_families

from opcua_bridge.agent import Agent
from opcua_bridge.cli import main
from opcua_bridge.clock import Clock
from opcua_bridge.health import (
    RideThroughs,
    endpoint_health,
    fitted,
    load_status,
    read_status,
    ride_through,
    tag_ride_throughs,
    verdict,
)
from opcua_bridge.health_text import health_lines
from opcua_bridge.journal import Journal, MonitoredItem, SourceRecord
from opcua_bridge.metrics import metrics_served
from opcua_bridge.source import Refused, Source
from opcua_bridge.standing import GAPS_KEPT
from opcua_bridge.tag_map import Endpoint, Security, Tag, TagClass
from opcua_bridge.trust import Trust
from standards.lineside.health_v1 import (
    DAY_US,
    MAX_ENDPOINTS,
    MAX_HEALTH_BYTES,
    MAX_LISTED,
    STALE_AFTER_S,
    Basis,
    BridgeHealth,
    EndpointHealth,
    EndpointState,
    HistoryNote,
    UplinkHealth,
    decode_health,
    encode,
)
from standards.lineside.ingest_v1 import Gap
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import Mes, Network, bridge_environment, environment, machine, tag_map_text, until
from tests.opcua_bridge.test_security import secured
from tests.opcua_bridge.test_source import COUNT, ticking

COUNTER = {"Count": "counter"}


def source_of(folder: Path, tags: int) -> Source:
    """An endpoint whose every second node is refused, the others with a queue of ten, and many gaps; not running."""
    names = [f"{n:06d}-" + "x" * 300 for n in range(tags)]
    endpoint = Endpoint(
        name="press",
        url="opc.tcp://press:4840/" + "y" * 900,
        security=Security.none,
        tag=tuple(Tag(tag=name, node=f"i={n}", tag_class=TagClass.counter) for n, name in enumerate(names)),
    )
    source = Source(endpoint, journal=Journal(folder / "j.sqlite"), clock=Clock(), trust=Trust(folder))
    items = {n: MonitoredItem(name, n, "f", 10, 50.0) for n, name in enumerate(names) if n % 2}
    source._record = SourceRecord("press", subscription_id=1, publishing_ms=100.0, lifetime_s=30.0, items=items)
    for name in names[::2]:
        source._refused[name] = Refused(ua.StatusCodes.BadNodeIdUnknown, 5.0, time.monotonic() + 60)
    for n in range(1_000):
        source.health.note_gap(Gap("press", n, n + 1, "queue-overflow", names))
    return source


def test_five_thousand_tags_fit_into_the_document(tmp_path: Path) -> None:
    source = source_of(tmp_path, 5_000)
    one = endpoint_health(source, 1_000_000, ride_through(source))
    assert (one.tags, one.refused, len(one.refused_nodes)) == (5_000, 2_500, MAX_LISTED)
    assert len(source.health.last_gaps) == GAPS_KEPT
    assert len(one.last_gaps) == MAX_LISTED
    assert one.last_gaps[0].from_at_us == 999
    assert one.ride_through is not None
    assert (one.ride_through.tags, one.ride_through.below, len(one.ride_through.worst)) == (2_500, 2_500, MAX_LISTED)
    assert one.refused_nodes[0].name == "BadNodeIdUnknown"
    assert "does not exist" in one.refused_nodes[0].words
    health = fitted(BridgeHealth(at_us=1, endpoints=[one] * MAX_ENDPOINTS, endpoints_total=MAX_ENDPOINTS))
    assert len(encode(health)) <= MAX_HEALTH_BYTES
    assert len(health.endpoints) == MAX_ENDPOINTS
    assert health.endpoints[0].refused == 2_500, "counts stay when lists get shorter"
    assert decode_health(encode(health)) == health


def test_a_document_that_cannot_be_made_shorter_says_less() -> None:
    from standards.lineside.health_v1 import EndpointHealth

    many = [EndpointHealth(f"{n}", url="u" * 300, error="e" * 300) for n in range(MAX_ENDPOINTS)]
    health = fitted(BridgeHealth(at_us=1, endpoints=many, endpoints_total=MAX_ENDPOINTS), max_bytes=10_000)
    assert 0 < len(health.endpoints) < MAX_ENDPOINTS
    assert len(encode(health)) <= 10_000
    assert health.endpoints_total == MAX_ENDPOINTS


def test_ride_through_is_queue_times_change_and_never_longer_than_the_subscription_lives(tmp_path: Path) -> None:
    source = source_of(tmp_path, 4)
    ride = ride_through(source)
    assert (ride.minimum_s, ride.worst[0].basis, ride.revised) == (1.0, Basis.publishing, 2)
    assert (ride.worst[0].queue_asked, ride.worst[0].queue_granted, ride.worst[0].sampling_granted_ms) == (
        10_000,
        10,
        50,
    )
    rates = source.health.rates
    rates._watched_s, rates._total = 60.0, {1: 6, 3: 1}
    ride = ride_through(source)
    assert (ride.minimum_s, ride.below, ride.worst) == (30.0, 0, []), "10 × 10 s, but the server forgets us after 30 s"


async def test_the_long_list_has_every_tag_and_the_short_one_is_kept_for_a_while(tmp_path: Path) -> None:
    source = source_of(tmp_path, 100)
    assert len(tag_ride_throughs(source)) == 50
    rides = RideThroughs()
    first = await rides.of(source)
    assert first == ride_through(source)
    assert await rides.of(source) is first
    source._record = SourceRecord("press", items=dict(list(source.record.items.items())[:3]))
    assert (await rides.of(source)).tags == 3, "other items are another matter"


async def test_a_machine_that_goes_is_told_at_once_with_since_when_and_why(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it, Network(it.port) as network:
        agent = await bridges.start(tag_map_text(network.url, COUNTER))
        await until(lambda: state(mes) == ("connected", None))
        began_us = agent.clock.now_us()
        network.cut(refuse=True)
        await until(lambda: state(mes)[0] == "away", timeout_s=4, what="sooner than the next regular report")
        await until(lambda: "trouble" in mes.health[-1]["endpoints"][0])
        away = mes.health[-1]["endpoints"][0]
        assert began_us <= away["since_us"] <= agent.clock.now_us()
        assert away["trouble"] in ("closed", "refused")
        assert away["error"]
        network.heal()
        await until(lambda: state(mes)[0] == "connected")
        back = mes.health[-1]["endpoints"][0]
        assert back["since_us"] > away["since_us"]
        assert back["error_at_us"] >= away["error_at_us"], "the last error is still told, and when it was"


def state(mes: Mes) -> tuple[str, str | None]:
    endpoint = mes.health[-1]["endpoints"][0]
    return endpoint["state"], endpoint.get("trouble")


async def test_the_document_says_how_much_comes_and_how_the_clocks_are(bridges: Bridges, mes: Mes) -> None:
    mes.clock_ahead_us = -7_200_000_000
    async with machine(COUNT, max_queue_size=10) as it:
        agent = await bridges.start(tag_map_text(it.url, COUNTER))
        async with ticking(it):
            await until(lambda: agent.source("machine").health.flow.per_s(10) > 10)
            await until(lambda: agent.source("machine").health.clock_skew_s is not None)
            await until(lambda: agent.reporter.server_skew_s is not None)
            await until(lambda: agent.uplink.delay.last_s is not None)
            health = await agent.health()
        [one] = health.endpoints
        assert one.state is EndpointState.connected
        assert one.values_10s > 10
        assert one.clock_skew_s is not None
        assert abs(one.clock_skew_s) < 5
        assert health.server_skew_s == pytest.approx(-7_200, abs=5)
        assert one.publishing is not None
        assert (one.publishing.interval_ms, one.publishing.keep_alive_s, one.publishing.lifetime_s) == (50, 0.5, 600)
        assert one.ride_through is not None
        assert (one.ride_through.tags, one.ride_through.below) == (1, 1)
        assert one.ride_through.worst[0].queue_granted == 10
        assert health.uplink.delay_s is not None
        assert 0 <= health.uplink.delay_s < 30


async def test_what_waits_is_told_with_its_age(bridges: Bridges, mes: Mes) -> None:
    mes.down = True
    async with machine(COUNT) as it:
        agent = await bridges.start(tag_map_text(it.url, COUNTER))
        await until(lambda: agent.journal.depth)
        await until(lambda: agent.uplink.health.error_at_us)
        health = await agent.health()
        assert health.journal.depth >= 1
        assert health.journal.oldest_at_us is not None
        assert 0 <= health.at_us - health.journal.oldest_at_us < 60_000_000
        assert "503" in health.uplink.error or "wait" in health.uplink.error
        mes.down = False
        await until(lambda: not agent.journal.depth)
        assert (await agent.health()).journal.oldest_at_us is None


async def test_a_server_that_does_not_know_the_door_gets_its_data_all_the_same(bridges: Bridges, mes: Mes) -> None:
    mes.knows_health = False
    async with machine(COUNT) as it:
        agent = await bridges.start(tag_map_text(it.url, COUNTER))
        await until(lambda: mes.good("Count") and "404" in agent.reporter.error)
        await until(lambda: not agent.uplink.health.error)
        assert len([r for r in mes.requests if r.endswith("/bridge/health")]) == 1, "asked again only now and then"


async def test_the_days_a_certificate_has_left_are_told(bridges: Bridges, mes: Mes, tmp_path: Path) -> None:
    async with secured(tmp_path) as it:
        agent = await bridges.start(tag_map_text(it.url, COUNTER).replace('"none"', '"Basic256Sha256"'))
        await until(lambda: "UntrustedServer" in agent.source("machine").health.error, timeout_s=20)
        health = await agent.health()
        assert health.endpoints[0].trouble == "untrusted"
        assert health.certificate_ends_us is None, "none is made before it is needed"
        [waiting] = health.certificates_waiting
        agent.trust.approve(waiting)
        await until(lambda: mes.good("Count"), timeout_s=20)
        health = await agent.health()
        for ends_us in (health.certificate_ends_us, health.endpoints[0].certificate_ends_us):
            assert ends_us
            assert ends_us > health.at_us


def test_certificates_that_end_soon_are_named_in_the_verdict_and_history_in_the_lines() -> None:
    now_us = 1_795_297_971_000_000
    endpoints = [
        EndpointHealth("oven-1", EndpointState.connected, certificate_ends_us=now_us + 6 * DAY_US + 1),
        EndpointHealth("press-1", EndpointState.connected, certificate_ends_us=now_us + 31 * DAY_US),
    ]
    endpoints[0] = msgspec.structs.replace(
        endpoints[0], history=HistoryNote(now_us, 1_200, 4, 1, 1, 2, "Door: BadUserAccessDenied")
    )
    health = BridgeHealth(now_us, endpoints=endpoints, certificate_ends_us=now_us - 1, uplink=UplinkHealth())
    well, words = verdict(health, 1.0)
    assert well
    assert words.endswith("; certificates that end soon: own (-1 days left), oven-1 (6 days left)")
    lines = list(health_lines(health, 1.0))
    [line] = [line for line in lines if "from the machine's history" in line]
    assert line.startswith("  from the machine's history: 1200 values of 4 tags, last 2026-11-")
    assert line.endswith(", 1 gaps are still to be asked about")
    assert "    left out: 1 (Door: BadUserAccessDenied); cut short: 2" in lines


async def test_prometheus_reads_the_port(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        agent = await bridges.start(tag_map_text(it.url, COUNTER), LINESIDE_BRIDGE_METRICS_PORT="0")
        await until(lambda: mes.good("Count") and told_values(agent))
        text = await asyncio.to_thread(scraped, f"http://127.0.0.1:{agent.metrics_port}/metrics")
    samples = {s.name: s for family in text_string_to_metric_families(text) for s in family.samples}
    assert samples["lineside_endpoint_up"].labels == {"endpoint": "machine"}
    assert samples["lineside_endpoint_up"].value == 1
    assert samples["lineside_endpoint_values_total"].value >= 1
    assert samples["lineside_endpoint_publishing_interval_seconds"].value == 0.05
    assert "lineside_bridge_certificate_expiry_timestamp_seconds" not in samples, "what is not known is not there"


def told_values(agent: Agent) -> int:
    _, health = agent.last_health
    return health.endpoints[0].values if health is not None else 0


async def test_a_metrics_port_that_is_taken_costs_no_value(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        agent = await bridges.start(tag_map_text(it.url, COUNTER), LINESIDE_BRIDGE_METRICS_PORT=str(it.port))
        await until(lambda: mes.good("Count"))
        assert agent.metrics_port is None


async def test_what_was_said_long_ago_is_not_scraped(bridges: Bridges, mes: Mes) -> None:
    async with machine(COUNT) as it:
        agent = await bridges.start(tag_map_text(it.url, COUNTER), LINESIDE_BRIDGE_METRICS_PORT="0")
        await until(lambda: told_values(agent))
        await bridges.stop()
        with metrics_served("127.0.0.1", 0, agent._fresh_health) as port:
            url = f"http://127.0.0.1:{port}/metrics"
            assert "lineside_endpoint_up" in await asyncio.to_thread(scraped, url)
            agent.last_health = (agent.last_health[0] - STALE_AFTER_S, agent.last_health[1])
            assert await asyncio.to_thread(scraped, url) == ""


async def test_trouble_with_telling_does_not_end_the_bridge(
    bridges: Bridges, mes: Mes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> None:
        raise RuntimeError("planted")

    async with machine(COUNT) as it:
        with monkeypatch.context() as planted:
            planted.setattr("opcua_bridge.agent.endpoint_health", torn)
            agent = await bridges.start(tag_map_text(it.url, COUNTER))
            await until(lambda: mes.good("Count"))
            assert not mes.health
        await until(lambda: mes.health and not agent.uplink.health.error)


def scraped(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


async def test_a_person_is_told_in_words(
    bridges: Bridges, mes: Mes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with machine(COUNT, max_queue_size=5) as it, Network(it.port) as network:
        text = tag_map_text(network.url, {**COUNTER, "Missing": "state"})
        agent = await bridges.start(text)
        await until(lambda: mes.good("Count") and agent.source("machine").health.refused)
        await until(lambda: not agent.uplink.health.error)
        path = tmp_path / "journal.sqlite.status.json"
        await until(lambda: path.exists() and read_status(path, now=time.time())[0])
        assert await told(tmp_path, mes, "health", "--all") == 0
        out = capsys.readouterr().out
        assert out.startswith("well: ")
        assert "connected since" in out
        assert "Missing: BadNodeIdUnknown: The node id refers to a node that does not exist" in out
        assert "queue 5 (asked 10000)" in out
        assert "\nmachine: 1 tags\n" in out
        network.cut(refuse=True)
        await until(lambda: not read_status(path, now=time.time())[0])
        assert await told(tmp_path, mes, "health") == 1
        out = capsys.readouterr().out
        assert out.startswith("NOT WELL: not connected: machine")
        assert "not reached since 2" in out
        assert "the connection was cut (ConnectionError" in out
        assert await told(tmp_path, mes, "health", "--json") == 1
        document = json.loads(capsys.readouterr().out)
        assert document["health"]["endpoints"][0]["trouble"] == "closed"
    await bridges.stop()
    assert await told(tmp_path, mes, "health", "--all") == 1
    assert "did not answer" in capsys.readouterr().err, "the bridge is not there to be asked for the long list"


async def told(folder: Path, mes: Mes, *arguments: str) -> int:
    """The command line, as a person calls it on the bridge's computer."""

    def call() -> int:
        return main(arguments)

    with environment(bridge_environment(folder, mes.url, (folder / "tag_map.toml").read_text())):
        return await asyncio.to_thread(call)


def test_an_old_report_is_not_taken_for_the_present() -> None:
    lines = list(health_lines(BridgeHealth(at_us=int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000), 90.0))
    assert lines[0] == "NOT WELL: the bridge has not reported for 90 s"
    assert "not known" in lines[1]


def test_no_status_is_a_sentence(tmp_path: Path) -> None:
    well, words = read_status(tmp_path / "none.json", now=0.0)
    assert not well
    assert "no status" in words
    broken = tmp_path / "broken.json"
    broken.write_text('{"pid": 1}')
    assert read_status(broken, now=0.0)[0] is False


async def test_a_bridge_that_comes_back_knows_what_its_subscription_was_granted(
    bridges: Bridges, mes: Mes, tmp_path: Path
) -> None:
    async with machine(COUNT, max_queue_size=7) as it:
        text = tag_map_text(it.url, COUNTER)
        await bridges.start(text)
        await until(lambda: mes.good("Count"))
        await bridges.stop()
        agent = await bridges.start(text)
        await until(lambda: agent.source("machine").health.connected)
        [one] = (await agent.health()).endpoints
        assert one.publishing is not None
        assert (one.publishing.interval_ms, one.publishing.lifetime_s) == (50, 600)
        assert one.ride_through is not None
        assert one.ride_through.worst[0].queue_granted == 7
        assert one.ride_through.worst[0].sampling_granted_ms is not None


def test_the_status_file_says_who_wrote_it_when(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    at = datetime.now(UTC) - timedelta(seconds=3)
    path.write_bytes(msgspec.json.encode({"pid": 7, "written_at": at.timestamp(), "health": {"at_us": 1}}))
    status, age_s = load_status(path, now=at.timestamp() + 3)
    assert (status.pid, status.health.at_us, age_s) == (7, 1, pytest.approx(3, abs=0.001))
