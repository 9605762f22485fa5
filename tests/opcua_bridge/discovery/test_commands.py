"""`lineside-bridge browse | bind | check` against machines that move."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.cli import main
from opcua_bridge.simulator.server import running
from opcua_bridge.simulator.settings import SimulatorSettings
from opcua_bridge.tag_map import TagClass, load_tag_map
from tests.opcua_bridge.support import URI, Machine, environment, machine
from tests.support.ports import free_port

V = ua.VariantType
CLASSES = {
    "GoodCount": TagClass.counter,
    "MachineState": TagClass.state,
    "SerialNumber": TagClass.identity,
    "Temperature": TagClass.measurement,
    "Fault": TagClass.alarm,
}


class Live(Machine):
    """A plain machine that works: its values change every 0.2 s."""

    def __init__(self, first_id: int = 0, own_uri: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._first_id, self._own_uri = first_id, own_uri

    async def begin(self) -> None:
        self._values = {
            name: (kind, list(itertools.islice(values, 400))) for name, (kind, values) in movements().items()
        }
        await self.start({})
        if self._own_uri:
            await self.server.set_application_uri(self._own_uri)
            self.space = 1
            self.folder = await self.server.nodes.objects.add_object(self.space, "Own")
        for number, (name, (kind, values)) in enumerate(self._values.items()):
            node = ua.NodeId(self._first_id + number, self.space) if self._first_id else ua.NodeId(name, self.space)
            self.nodes[name] = await self.folder.add_variable(node, f"{self.space}:{name}", values[0], kind)

    async def work(self) -> None:
        for step in range(1, 400):
            await asyncio.sleep(0.2)
            for name, (_, values) in self._values.items():
                await self.write(name, values[step])


def movements() -> dict[str, tuple[V, Iterable[Any]]]:
    return {
        "GoodCount": (V.UInt32, itertools.accumulate(itertools.cycle([0, 1, 0, 3, 0, 0, 1]), initial=100)),
        "MachineState": (V.Int32, itertools.cycle([1, 1, 2, 2, 2, 3, 3])),
        "SerialNumber": (V.String, (f"SN-{n:05}" for n in itertools.count())),
        "Temperature": (V.Double, (20 + (n * 7 % 11) / 10 for n in itertools.count())),
        "Fault": (V.Boolean, itertools.cycle([False, False, False, True, True])),
        "Heartbeat": (V.UInt32, itertools.count()),
    }


@contextlib.asynccontextmanager
async def live(**options: Any) -> AsyncIterator[Live]:
    it = Live(**options)
    await it.begin()
    working = asyncio.ensure_future(it.work())
    try:
        yield it
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await it.stop()


async def command(folder: Path, *arguments: str) -> int:
    """As somebody types it; it has an event loop of its own."""
    values = {
        "LINESIDE_BRIDGE_TRUST_FOLDER": str(folder / "trust"),
        "LINESIDE_BRIDGE_TAG_MAP": str(folder / "map.toml"),
    }
    with environment(values):
        return await asyncio.to_thread(main, list(arguments))


async def test_bind_proposes_what_a_plain_machine_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "map.toml"
    async with live() as it:
        assert await command(tmp_path, "bind", it.url, "--name", "PRESS-1", "--watch", "5", "--accept", "0.8",
                             "--output", str(out)) == 0  # fmt: skip
        [endpoint] = load_tag_map(out).endpoints
        assert {t.tag.removeprefix("PRESS-1."): t.tag_class for t in endpoint.tag} == CLASSES
        assert all(t.node == f"nsu={URI};s={t.tag.removeprefix('PRESS-1.')}" for t in endpoint.tag)
        assert await command(tmp_path, "check", str(out), "--online", "--watch", "2") == 0
    said = out.read_text()
    assert "rose from" in said
    assert "never fell" in said
    assert "to a new value each time" in said
    assert "5 of 5 tags are readable" in capsys.readouterr().out


async def test_without_accept_nothing_is_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with live() as it:
        assert await command(tmp_path, "bind", it.url, "--watch", "0") == 0
    shown = capsys.readouterr().out
    (tmp_path / "shown.toml").write_text(shown)
    assert load_tag_map(tmp_path / "shown.toml").endpoints[0].tag == ()
    assert "  #[[endpoint.tag]]" in shown


async def test_check_says_what_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = {
        "Text": ("SerialNumber", "counter"), "Wanders": ("Temperature", "state"), "Falls": ("MachineState", "counter"),
        "Gone": ("Nothing", "state"), "Right": ("GoodCount", "counter"),
    }  # fmt: skip
    async with live() as it:
        lines = ["[[endpoint]]", 'name = "m"', f'url = "{it.url}"', 'security = "none"']
        for tag, (name, kind) in entries.items():
            lines += ["[[endpoint.tag]]", f'tag = "{tag}"', f'node = "nsu={URI};s={name}"', f'class = "{kind}"']
        lines += ["[[endpoint.tag]]", 'tag = "Path"', 'node = "i=85"', 'path = ["Nowhere"]', 'class = "state"']
        (tmp_path / "map.toml").write_text("\n".join(lines))
        assert await command(tmp_path, "check", "--online", "--watch", "4") == 1
    out = capsys.readouterr().out
    assert "m: Text: a counter is no String" in out
    assert "m: Wanders: a state is no Double" in out
    assert "m: Falls: a counter does not " in out
    assert "m: Gone: BadNodeIdUnknown" in out
    assert "m: Path: BadNodeIdUnknown (the path leads to no node, or to several: i=85 ⟶ Nowhere)" in out
    assert "Right" not in out
    assert "m: 4 of 6 tags are readable" in out


async def test_one_template_binds_three_like_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other namespace indexes and other numeric ids at each: what they have in common is the browse paths."""
    template, out = tmp_path / "press.toml", tmp_path / "three.toml"
    async with contextlib.AsyncExitStack() as stack:
        presses = [
            await stack.enter_async_context(live(first_id=5_000 + 1_000 * n, spaces_before=2 * n)) for n in range(3)
        ]
        assert await command(tmp_path, "bind", presses[0].url, "--name", "PRESS-1", "--watch", "5", "--accept", "0.8",
                             "--output", str(tmp_path / "one.toml"), "--save-template", str(template)) == 0  # fmt: skip
        like = [f"--endpoint=PRESS-{n}={press.url}" for n, press in enumerate(presses, 1)]
        assert await command(tmp_path, "bind", "--template", str(template), *like, "--output", str(out)) == 0
        assert await command(tmp_path, "check", str(out), "--online", "--watch", "3") == 0
    tag_map = load_tag_map(out)
    assert [e.name for e in tag_map.endpoints] == ["PRESS-1", "PRESS-2", "PRESS-3"]
    for endpoint in tag_map.endpoints:
        assert {t.tag: t.tag_class for t in endpoint.tag} == {f"{endpoint.name}.{n}": c for n, c in CLASSES.items()}
        assert all(" ⟶ " in t.node for t in endpoint.tag)
    shown = capsys.readouterr().out
    assert all(f"PRESS-{n}: 5 of 5 tags are readable" in shown for n in (1, 2, 3))


async def test_a_template_knows_the_namespace_a_server_calls_after_itself(tmp_path: Path) -> None:
    template, out = tmp_path / "press.toml", tmp_path / "two.toml"
    async with live(own_uri="urn:press-a:server") as first, live(own_uri="urn:press-b:server") as second:
        assert await command(tmp_path, "bind", first.url, "--watch", "5", "--accept", "0.8", "--name", "A",
                             "--output", str(tmp_path / "one.toml"), "--save-template", str(template)) == 0  # fmt: skip
        like = [f"--endpoint=A={first.url}", f"--endpoint=B={second.url}"]
        assert await command(tmp_path, "bind", "--template", str(template), *like, "--output", str(out)) == 0
        assert await command(tmp_path, "check", str(out), "--online", "--watch", "1") == 0
    assert "urn:press-a" in (tmp_path / "one.toml").read_text()
    assert "urn:press-a" not in out.read_text()
    assert {t.tag for e in load_tag_map(out).endpoints for t in e.tag} == {f"{m}.{n}" for m in "AB" for n in CLASSES}


async def test_browse_shows_nodes_by_namespace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with machine({"Level": (4, V.Int32), "Other": (5, V.Int32)}) as it:
        (tmp_path / "map.toml").write_text(f'[[endpoint]]\nname = "m"\nurl = "{it.url}"\nsecurity = "none"\n')
        assert await command(tmp_path, "browse", "m") == 0
        assert f"nsu={URI};s=Level\t/Machine/Level\tInt32 = 4" in capsys.readouterr().out
        assert await command(tmp_path, "browse", it.url, "--max-nodes", "2") == 0
    assert "there is more: not more than 2 nodes" in capsys.readouterr().err


async def test_the_simulated_factory_is_proposed_as_it_is(tmp_path: Path) -> None:
    url = f"opc.tcp://127.0.0.1:{free_port()}/lineside/"
    out = tmp_path / "map.toml"
    async with running(SimulatorSettings(endpoint=url, ledger=tmp_path / "ledger.jsonl", disturbances=0.0)):
        assert await command(tmp_path, "bind", url, "--prefix", "", "--watch", "0", "--accept", "0.4",
                             "--output", str(out)) == 0  # fmt: skip
    [endpoint] = load_tag_map(out).endpoints
    [demo] = load_tag_map(Path("opcua_bridge/demo_tag_map.toml")).endpoints
    bound = {t.node: t.tag_class for t in endpoint.tag}
    meant = {t.node: t.tag_class for t in demo.tag}
    assert {node: meant.get(node) for node in bound} == bound, "no tag is classed otherwise than by hand"
    assert {t.tag for t in demo.tag if t.node in bound} - {t.tag for t in endpoint.tag} == {"PACK-1.Scanner"}
    assert len(bound) >= 0.8 * len(meant)
    assert {t.equipment for t in endpoint.job_target} == {t.equipment for t in demo.job_target}
    assert [(e.tag, e.node) for e in endpoint.events] == [(e.tag, e.node) for e in demo.events]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["bind"], "no-endpoint"),
        (["bind", "http://h/"], "bad-url"),
        (["browse", "nowhere"], "no-endpoint"),
        (["bind", "opc.tcp://h:1/", "--accept", "2"], "bad-confidence"),
        (["bind", "opc.tcp://h:1/", "--save-template", "t.toml"], "bad-confidence"),
        (["bind", "opc.tcp://h:1/", "--watch", "-1"], "bad-watch"),
        (["bind", "opc.tcp://h:1/", "--output", "map.toml"], "file-exists"),
        (["bind", "--template", "none.toml", "--endpoint", "A=opc.tcp://h:1/"], "template-unreadable"),
        (["bind", "--template", "map.toml"], "no-endpoint"),
        (["bind", "--template", "map.toml", "--endpoint", "A"], "bad-endpoint"),
        (["bind", "--template", "map.toml", "--endpoint", "A=http://h/"], "bad-url"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.toml").write_text('[[endpoint]]\nname = "m"\nurl = "opc.tcp://h:1/"\nsecurity = "none"\n')
    assert await command(tmp_path, *arguments) == 2
    assert f"[{code}]" in capsys.readouterr().err


async def test_a_machine_that_is_away_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"opc.tcp://127.0.0.1:{free_port()}/"
    assert await command(tmp_path, "bind", url) == 1
    assert f"lineside-bridge: {url}: " in capsys.readouterr().err
