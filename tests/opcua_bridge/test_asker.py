"""May I? through the bridge: answered in time or not at all, read back, taken back; away as the plant wants it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.asker import AGAIN_S, Policy
from opcua_bridge.tag_map import TagMapRefused, parse_tag_map
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.support import Machine, Mes, machine, tag_map_text, until

VARIABLES: dict[str, tuple[Any, ua.VariantType]] = {
    "T.MayI.Serial": ("", ua.VariantType.String),
    "T.MayI.Question": (0, ua.VariantType.UInt32),
    "T.MayI.Allowed": (False, ua.VariantType.Boolean),
    "T.MayI.Code": ("", ua.VariantType.String),
    "T.MayI.Answer": (0, ua.VariantType.UInt32),
}


class AskingTester:
    """A machine that asks."""

    def __init__(self, it: Machine) -> None:
        self._machine, self._number = it, 0

    async def ask(self, serial: str) -> None:
        self._number += 1
        await self._machine.write("T.MayI.Serial", serial)
        await self._machine.write("T.MayI.Question", self._number)

    async def forget(self) -> None:
        """Switched off and on."""
        self._number = 0
        for name in ("Question", "Answer"):
            await self._machine.write(f"T.MayI.{name}", 0)

    async def code(self) -> str:
        return str(await self._machine.read("T.MayI.Code"))

    async def answer(self) -> tuple[bool, str] | None:
        """What it is answered; None: nothing to this question."""
        if await self._machine.read("T.MayI.Answer") != self._number:
            return None
        return bool(await self._machine.read("T.MayI.Allowed")), await self.code()

    async def answered(self) -> tuple[bool, str]:
        await seen(self.answer, lambda answer: answer is not None)
        answer = await self.answer()
        assert answer is not None
        return answer


async def seen(look: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> None:
    for _ in range(500):
        if wanted(await look()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await look())


@contextlib.asynccontextmanager
async def asking(bridges: Bridges, **options: float) -> AsyncIterator[AskingTester]:
    async with machine(VARIABLES) as it:
        more = "".join(f"\n{key} = {value}" for key, value in options.items())
        extra = f'\n[[endpoint.ask]]\nequipment = "T"\nprefix = "m;s=T.MayI"{more}\n'
        await bridges.start(tag_map_text(it.url, {}, extra=extra))
        yield AskingTester(it)
        await bridges.stop()


async def test_each_question_is_answered_by_the_server(bridges: Bridges, mes: Mes) -> None:
    mes.refused = {"B/2 x": "step-missing"}
    async with asking(bridges) as tester:
        await tester.ask("B1")
        assert await tester.answered() == (True, "")
        await tester.ask("B/2 x")
        assert await tester.answered() == (False, "step-missing")
        await tester.ask("")
        assert await tester.answered() == (False, "no-serial")
        await tester.ask("B1")
        assert await tester.answered() == (True, "")
        await tester.forget()
        await tester.ask("B3")
        assert await tester.answered() == (True, "")
    assert mes.asked == [("B1", "T"), ("B/2 x", "T"), ("B1", "T"), ("B3", "T")]


async def test_while_the_server_is_away_the_plants_policy_counts(
    bridges: Bridges, mes: Mes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opcua_bridge.asker.AGAIN_S", AGAIN_S / 10)
    mes.down = True
    async with asking(bridges, within_s=0.2) as tester:
        await tester.ask("B1")
        await seen(tester.code, lambda code: code == "mes-away")
        assert await tester.answer() is None, "nobody has ever said that it may go on"
        mes.down = False
        assert await tester.answered() == (True, "")
        mes.down = True
        await tester.ask("B2")
        assert await tester.answered() == (True, "mes-away")
        mes.down, mes.slow_s = False, 0.5
        mes.refused = {"B3": "unit-held"}
        await tester.ask("B3")
        assert await tester.answered() == (True, "mes-away")
        await asyncio.sleep(0.5)
        assert await tester.answer() == (True, "mes-away"), "what came too late is not written"


async def test_an_answer_is_for_its_question_and_for_a_time(bridges: Bridges, mes: Mes) -> None:
    mes.slow_s, mes.refused = 0.5, {"B1": "unit-held"}
    async with asking(bridges, valid_s=1) as tester:
        await tester.ask("B1")
        await until(lambda: mes.asked)
        mes.slow_s = 0.0
        await tester.ask("B2")
        assert await tester.answered() == (True, "")
        await seen(tester.answer, lambda answer: answer == (False, "answer-expired"))


async def test_what_the_plant_wants_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "when_away"
    assert Policy(path).when_away == "stop"
    await Policy(path).told("go-on")
    assert Policy(path).when_away == "go-on"
    path.write_text("perhaps")
    assert Policy(path).when_away == "stop"


def test_a_map_says_what_is_wrong_with_an_ask() -> None:
    extra = '\n[[endpoint.ask]]\nequipment = "T"\nprefix = "x;s=T"\nwithin_s = 99\n' * 2
    with pytest.raises(TagMapRefused) as refused:
        parse_tag_map(tag_map_text("opc.tcp://h/", {}, extra=extra))
    assert {error.code for error in refused.value.errors} == {"unknown-namespace", "bad-ask", "twice"}
