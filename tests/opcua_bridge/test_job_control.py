"""Jobs by OPC 10031-4: what is called, what answers mean, and what the machine's own list says to the server."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua_bridge.channel import Channel
from opcua_bridge.cli import main
from opcua_bridge.drivers.isa95_job_control import Isa95JobControl, answered, order_of
from opcua_bridge.drivers.seam import Driver
from opcua_bridge.tag_map import Endpoint, JobTarget, Security
from opcua_bridge.trust import Trust
from standards.isa95.job_control import JobMethod
from standards.lineside.commands_v1 import CommandResult, JobAction, JobCommand, JobParameter
from tests.opcua_bridge.conftest import Bridges
from tests.opcua_bridge.job_machine import (
    METHODS,
    TARGET,
    V1,
    V2,
    Receiver,
    add_provider,
    entry,
    receiver_machine,
    response,
    state,
    text,
)
from tests.opcua_bridge.support import TOKEN, URI, Mes, Network, environment, tag_map_text, until

TAGS = ("M.Job.OrderId", "M.Job.State", "M.Job.Substate")


def job(action: str = "store-and-start", **more: Any) -> JobCommand:
    order = {"work_master_id": "WM-1", "material_id": "P-1", "cycles": 7, "quantity": "14", "work_request_id": "W-1"}
    return JobCommand(JobAction(action), "M", more.pop("job_order_id", "J-1"), **(order | more))


def test_a_machine_is_given_the_recipes_values_each_of_its_type() -> None:
    kinds = ("decimal", "integer", "boolean", "string", "string")
    values = ("245.5", "-3", "true", "A", "9")
    names = ("peak", "offset", "lid", "program", "RunsPlanned")
    given = [JobParameter(n, v, data_type=k) for n, v, k in zip(names, values, kinds, strict=True)]
    found = {p["ID"]: p["Value"] for p in order_of(job(parameters=given))["JobOrderParameters"]}
    assert found["peak"] == ua.Variant(245.5, ua.VariantType.Double)
    assert found["offset"] == ua.Variant(-3, ua.VariantType.Int64)
    assert found["lid"] == ua.Variant(True, ua.VariantType.Boolean)
    assert found["program"] == ua.Variant("A", ua.VariantType.String)
    assert found["RunsPlanned"] == ua.Variant(7, ua.VariantType.UInt32)  # an id of OPC 40001-3 keeps its meaning


def payload(action: str = "store-and-start", **more: Any) -> dict[str, Any]:
    order = {"action": action, "target": "M", "job_order_id": "J-1", "work_master_id": "WM-1", "cycles": 7}
    return order | more


@contextlib.asynccontextmanager
async def driver(receiver: Receiver, folder: Path, *, node: str = "R") -> AsyncIterator[Driver]:
    """A driver with a connection of its own."""
    channel = Channel(Endpoint("machine", receiver.it.url, Security.none), Trust(folder / "trust"))
    await channel.open()
    await channel.create_session()
    await channel.read_status()
    names = {"receiver": node, "responses": "P", "remote": "M.Remote"}
    named = {field: f"nsu={URI};s={name}" for field, name in names.items()}
    try:
        yield Isa95JobControl(JobTarget("M", "isa95-job-control", ack_timeout_s=0.5, **named), channel)
    finally:
        await channel.leave()


async def executed(it: Driver, command: JobCommand, *, expired: Any = lambda: False) -> CommandResult:
    return await it.execute(command, token="c-1", expired=expired)


def told(result: CommandResult) -> tuple[str, str]:
    return result.outcome.value, result.code


# ------------------------------------------------------------------ what is called


async def test_a_job_is_stored_and_started_with_all_that_the_machine_defines(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        assert told(await executed(it, job())) == ("done", "")
        assert machine.calls == [("StoreAndStart", "J-1")]
        sent = machine.orders["J-1"]["body"]
        runs = struct.pack("<I", 0) + text("RunsPlanned") + b"\x07" + struct.pack("<I", 7)
        quantity = struct.pack("<I", 0) + text("PlannedOrderQuantity") + b"\x0b" + struct.pack("<d", 14.0)
        numbers = struct.pack("<I", 0) + text("OrderNumbers") + b"\x8c" + struct.pack("<i", 1) + text("W-1")
        expected = struct.pack("<I", 1) + text("J-1") + struct.pack("<i", 3) + runs + quantity + numbers
        assert sent == expected, "this machine defines neither work master nor material: they are left out"


async def test_store_then_start_where_both_in_one_is_not_offered(tmp_path: Path) -> None:
    async with receiver_machine(methods=("Store", "Start")) as machine, driver(machine, tmp_path) as it:
        assert told(await executed(it, job())) == ("done", "")
        assert machine.calls == [("Store", "J-1"), ("Start", "J-1")]


async def test_each_action_is_its_method(tmp_path: Path) -> None:
    actions = {"pause": "Pause", "resume": "Resume", "stop": "Stop", "abort": "Abort", "cancel": "Cancel"}
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        for action, method in actions.items():
            assert told(await executed(it, job(action))) == ("done", "")
            assert machine.calls[-1] == (method, "J-1")
        assert len(machine.calls) == len(actions)


async def test_a_job_in_the_list_is_not_stored_again(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        machine.jobs = {"J-1": (3, 0)}
        await machine.publish()
        result = await executed(it, job())
        assert (told(result), machine.calls) == (("done", ""), [])
        assert result.message == "the machine has the job as Running"


async def test_a_job_that_is_stored_already_is_brought_up_to_date_and_started(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        machine.jobs = {"J-1": (1, 2)}
        await machine.publish()
        assert told(await executed(it, job())) == ("done", "")
        assert machine.calls == [("Update", "J-1"), ("Start", "J-1")]


async def test_a_full_list_is_cleared_of_what_is_over_and_of_nothing_else(tmp_path: Path) -> None:
    async with receiver_machine(most=3) as machine, driver(machine, tmp_path) as it:
        machine.jobs = {"OLD": (5, 1), "BROKEN": (6, 0)}
        await machine.publish()
        assert told(await executed(it, job(job_order_id="J-0"))) == ("done", "")
        assert machine.calls == [("StoreAndStart", "J-0")], "there was room"
        assert told(await executed(it, job())) == ("done", "")
        assert machine.calls[1:] == [("Clear", "OLD"), ("Clear", "BROKEN"), ("StoreAndStart", "J-1")]
        assert set(machine.jobs) == {"J-0", "J-1"}


async def test_a_method_that_is_missing_is_a_refusal_in_words(tmp_path: Path) -> None:
    async with receiver_machine(methods=()) as machine, driver(machine, tmp_path) as it:
        for action in ("store-and-start", "pause", "cancel"):
            result = await executed(it, job(action))
            assert told(result) == ("refused", "method-not-offered")
            assert result.message.startswith("the machine does not offer ")


async def test_a_machine_in_local_mode_gets_no_commands(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        await machine.it.write("M.Remote", False)
        assert told(await executed(it, job())) == ("refused", "local-mode")
        await machine.it.write("M.Remote", True, status=0x80000000)
        assert told(await executed(it, job())) == ("refused", "local-mode"), "bad is not remote"
        assert machine.calls == []


async def test_version_1_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with receiver_machine(uri=V1, describes=False) as machine, driver(machine, tmp_path) as it:
        result = await executed(it, job())
        assert told(result) == ("refused", "job-control-v1")
        assert result.message == (
            "the machine speaks ISA-95 Job Control version 1 (http://opcfoundation.org/UA/ISA95-JOBCONTROL/); "
            "version 2 is needed"
        )
        assert machine.calls == []
        await machine.it.server.register_namespace(V2)
        async with driver(machine, tmp_path) as again:
            assert told(await executed(again, job())) == ("refused", "job-control-v1"), "a server that has both"


async def test_a_job_that_does_not_fit_the_machines_types_is_not_sent(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        assert told(await executed(it, job(cycles=2**32))) == ("refused", "invalid-request")
        assert told(await executed(it, job(quantity="many"))) == ("refused", "invalid-request")
        assert machine.calls == []


async def test_what_is_no_receiver_is_said_to_be_none(tmp_path: Path) -> None:
    async with receiver_machine() as machine:
        async with driver(machine, tmp_path, node="M.Remote") as it:
            assert told(await executed(it, job())) == ("refused", "no-job-receiver")
        async with driver(machine, tmp_path, node="NOWHERE") as it:
            assert told(await executed(it, job())) == ("refused", "no-job-receiver")
    async with receiver_machine(uri="urn:other", describes=False) as machine, driver(machine, tmp_path) as it:
        assert told(await executed(it, job())) == ("refused", "no-job-control")
    async with receiver_machine(describes=False) as machine, driver(machine, tmp_path) as it:
        assert told(await executed(it, job())) == ("refused", "job-types-unknown")


async def test_a_list_that_cannot_be_read_is_not_an_empty_list(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        await machine.write("JobOrderList", 5032, [], status=0x80320000)
        assert told(await executed(it, job())) == ("refused", "job-list-unknown")
        await machine.write("JobOrderList", 5032, [entry("J-1", state(3))[:-2]])
        assert told(await executed(it, job())) == ("refused", "job-list-unknown")
        assert machine.calls == []


async def test_check_says_what_a_receiver_offers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "map.toml"
    with environment({"LINESIDE_BRIDGE_TOKEN": TOKEN, "LINESIDE_BRIDGE_JOURNAL": str(tmp_path / "journal.sqlite")}):
        async with receiver_machine(methods=("Store", "Start")) as machine:
            path.write_text(tag_map_text(machine.it.url, {"M.Remote": "state"}, extra=TARGET))
            assert await asyncio.to_thread(main, ["check", "--online", str(path)]) == 0
        assert "machine: M: a job order receiver that offers Store, Start\n" in capsys.readouterr().out
        async with receiver_machine(uri=V1, describes=False) as machine:
            path.write_text(tag_map_text(machine.it.url, {"M.Remote": "state"}, extra=TARGET))
            assert await asyncio.to_thread(main, ["check", "--online", str(path)]) == 1
        assert "version 2 is needed [job-control-v1]\n" in capsys.readouterr().out


# ------------------------------------------------------------ what an answer means


RETURNED = {
    1: ("done", ""),
    0: ("done", ""),
    1 | 1 << 40: ("done", ""),
    2: ("refused", "unknown-job"),
    4: ("refused", "invalid-command"),
    8: ("refused", "bad-state"),
    16: ("refused", "unable-to-accept"),
    2**32: ("refused", "invalid-request"),
    2**33: ("refused", "machine-specific"),
    2**63: ("refused", "machine-specific"),
}
BAD_CALLS = {
    ua.StatusCodes.BadMethodInvalid: ("refused", "method-not-offered"),
    ua.StatusCodes.BadUserAccessDenied: ("refused", "not-permitted"),
    ua.StatusCodes.BadInvalidArgument: ("refused", "invalid-request"),
    ua.StatusCodes.BadInvalidState: ("refused", "bad-state"),
    ua.StatusCodes.BadInternalError: ("failed", "call-failed"),
    ua.StatusCodes.BadUnexpectedError: ("failed", "call-failed"),
}


async def test_return_status_is_read_bit_by_bit(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        machine.works = False
        for returned, expected in RETURNED.items():
            machine.answer = lambda _method, now=returned: now
            result = await executed(it, job())
            assert told(result) == expected, returned
            assert bool(result.message) is (returned != 1), "anything but plain success is said in words"
        assert len(machine.calls) == len(RETURNED)


async def test_a_bad_call_says_nothing_of_the_job(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        machine.works = False
        for status, expected in BAD_CALLS.items():
            machine.answer = lambda _method, now=status: ua.StatusCode(now)
            result = await executed(it, job("pause"))
            assert told(result) == expected
            assert ua.StatusCode(status).name in result.message


def test_an_uncertain_call_has_a_return_status_that_counts() -> None:
    uncertain = ua.StatusCodes.Uncertain
    assert told(answered(JobMethod.Stop, uncertain, [8])) == ("refused", "bad-state")
    done = answered(JobMethod.Stop, uncertain, [1])
    assert told(done) == ("done", "")
    assert "Uncertain" in done.message


@pytest.mark.parametrize("outputs", [[], [None], [True], ["1"]])
def test_an_answer_without_a_return_status_is_a_yes_with_a_remark(outputs: list[Any]) -> None:
    result = answered(JobMethod.Stop, 0, outputs)
    assert told(result) == ("done", "")
    assert result.message == "Stop: the machine gave no ReturnStatus"


def test_a_negative_return_status_is_read_as_unsigned() -> None:
    assert told(answered(JobMethod.Stop, 0, [-(2**63)])) == ("refused", "machine-specific")


# ----------------------------------------------------------------- late and lost


async def test_what_expired_before_the_call_is_not_called(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        assert told(await executed(it, job(), expired=lambda: True)) == ("expired", "expired")
        assert machine.calls == []


async def test_what_expires_between_store_and_start_is_taken_back(tmp_path: Path) -> None:
    async with receiver_machine(methods=("Store", "Start", "Cancel")) as machine, driver(machine, tmp_path) as it:
        result = await executed(it, job(), expired=lambda: bool(machine.calls))
        assert told(result) == ("expired", "expired")
        assert machine.calls == [("Store", "J-1"), ("Cancel", "J-1")]
        assert machine.jobs == {}


async def test_a_start_that_is_refused_leaves_nothing_stored_or_says_so(tmp_path: Path) -> None:
    def no_start(method: str) -> int:
        return 16 if method == "Start" else 1

    async with receiver_machine(methods=("Store", "Start", "Cancel")) as machine, driver(machine, tmp_path) as it:
        machine.answer = no_start
        assert told(await executed(it, job())) == ("refused", "unable-to-accept")
        assert machine.calls == [("Store", "J-1"), ("Start", "J-1"), ("Cancel", "J-1")]
        machine.jobs = {"J-2": (1, 2)}
        await machine.publish()
        assert told(await executed(it, job(job_order_id="J-2"))) == ("refused", "unable-to-accept")
        assert machine.calls[3:] == [("Start", "J-2")], "it was not this command that stored it"
    async with receiver_machine(methods=("Store", "Start")) as machine, driver(machine, tmp_path) as it:
        machine.answer = no_start
        result = await executed(it, job())
        assert told(result) == ("refused", "unable-to-accept")
        assert result.message.endswith("; it is still stored: the machine does not offer Cancel")


async def test_what_expires_while_room_is_made_is_not_stored(tmp_path: Path) -> None:
    async with receiver_machine(most=1) as machine, driver(machine, tmp_path) as it:
        machine.jobs = {"OLD": (5, 1)}
        await machine.publish()
        assert told(await executed(it, job(), expired=lambda: bool(machine.calls))) == ("expired", "expired")
        assert machine.calls == [("Clear", "OLD")]


async def test_a_job_in_a_state_nobody_knows_is_neither_done_nor_stored_again(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        await machine.write("JobOrderList", 5032, [entry("J-1", state(99))])
        assert told(await executed(it, job())) == ("refused", "job-list-unknown")
        assert told(await it.recall(job("stop"), token="c-1")) == ("failed", "not-in-job-list")
        assert machine.calls == []


async def test_no_answer_in_time_is_a_failure_unless_the_list_knows_better(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:

        async def late(_method: str) -> None:
            await asyncio.sleep(1.0)

        machine.during, machine.works = late, False
        failed = await executed(it, job())
        assert told(failed) == ("failed", "no-acknowledgement")
        machine.works = True
        assert told(await executed(it, job(job_order_id="J-2"))) == ("done", "")


async def test_what_became_of_a_job_is_in_its_responses_when_the_list_has_forgotten_it(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        assert told(await it.recall(job(), token="c-1")) == ("failed", "not-in-job-list")
        await add_provider(machine, {"J-1": response("J-1", state(5))}, by_method=True)
        assert told(await it.recall(job(), token="c-1")) == ("done", "")
        assert told(await it.recall(job(job_order_id="J-2"), token="c-1")) == ("failed", "not-in-job-list")
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        await add_provider(machine, {"J-1": response("J-1", state(5))}, by_method=False)
        assert told(await it.recall(job("stop"), token="c-1")) == ("done", "")
        assert told(await it.recall(job("abort"), token="c-1")) == ("failed", "not-in-job-list")


EVIDENCE = (
    ("store-and-start", 1, "failed"),
    ("store-and-start", 2, "done"),
    ("store-and-start", 6, "done"),
    ("pause", 4, "done"),
    ("pause", 3, "failed"),
    ("resume", 3, "done"),
    ("resume", 4, "failed"),
    ("stop", 5, "done"),
    ("abort", 6, "done"),
    ("abort", 5, "failed"),
    ("cancel", 2, "failed"),
    ("cancel", None, "done"),
)


async def test_only_a_state_that_proves_it_is_taken_as_done(tmp_path: Path) -> None:
    async with receiver_machine() as machine, driver(machine, tmp_path) as it:
        for action, number, outcome in EVIDENCE:
            machine.jobs = {} if number is None else {"J-1": (number, 0)}
            await machine.publish()
            assert told(await it.recall(job(action), token="c-1"))[0] == outcome, (action, number)
        assert machine.calls == []


# -------------------------------------------------------------- through the bridge


async def bridged(bridges: Bridges, mes: Mes, machine: Receiver, url: str = "", **settings: str) -> None:
    await bridges.start(tag_map_text(url or machine.it.url, {"M.Remote": "state"}, extra=TARGET), **settings)
    await until(lambda: mes.good("M.Remote") and mes.good(TAGS[1]))


async def test_the_list_is_told_as_the_tags_of_the_target(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine() as machine:
        await bridged(bridges, mes, machine)
        machine.after_start = (2, 3)
        mes.command("c-1", "job", payload())
        await until(lambda: mes.results)
        assert mes.results["c-1"] == {"outcome": "done"}
        for now in ((3, 0), (4, 1), (3, 0), (5, 1)):
            machine.jobs["J-1"] = now
            await machine.publish()
        await until(lambda: mes.good(TAGS[1])[-1] == 5)
        told = list(zip(*[mes.good(tag) for tag in TAGS], strict=True))
        assert told == [("", 0, 0), ("J-1", 2, 3), ("J-1", 3, 0), ("J-1", 4, 1), ("J-1", 3, 0), ("J-1", 5, 1)]
        assert {s["tag"] for s in mes.items if s["kind"] == "sample"} == {"M.Remote", *TAGS}


async def test_an_accepted_command_makes_nothing_run(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine() as machine:
        await bridged(bridges, mes, machine)
        machine.works = False
        mes.command("c-1", "job", payload())
        await until(lambda: mes.results)
        assert mes.results["c-1"] == {"outcome": "done"}
        await asyncio.sleep(0.3)
        assert mes.good(TAGS[1]) == [0]


async def test_an_observing_bridge_calls_nothing_and_sees_everything(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine() as machine:
        await bridged(bridges, mes, machine, LINESIDE_BRIDGE_OBSERVE_ONLY="true")
        mes.command("c-1", "job", payload())
        await until(lambda: mes.results)
        assert mes.results["c-1"]["code"] == "observe-only"
        assert machine.calls == []
        machine.jobs = {"THEIRS": (3, 0)}
        await machine.publish()
        await until(lambda: mes.good(TAGS[0])[-1] == "THEIRS")


@pytest.mark.parametrize("ahead_s", [0, 7200, -7200])
async def test_an_expired_command_is_never_called(bridges: Bridges, mes: Mes, ahead_s: int) -> None:
    async with receiver_machine() as machine:
        mes.clock_ahead_us = ahead_s * 1_000_000
        await bridged(bridges, mes, machine)
        mes.command("late", "job", payload(), expires_in_s=-0.1)
        mes.command("in-time", "job", payload(job_order_id="J-2"))
        await until(lambda: len(mes.results) == 2)
        assert mes.results["late"]["outcome"] == "expired"
        assert mes.results["in-time"]["outcome"] == "done"
        assert machine.calls == [("StoreAndStart", "J-2")]


async def test_an_answer_that_comes_after_the_expiry_is_the_answer(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine() as machine:
        await bridged(bridges, mes, machine)
        sent = asyncio.Event()

        async def slowly(_method: str) -> None:
            sent.set()
            await until(lambda: mes.commands[0]["expires_at_us"] < mes.now_us())

        machine.during = slowly
        mes.command("c-1", "job", payload(), expires_in_s=0.35)
        await until(lambda: mes.results)
        assert sent.is_set()
        assert mes.results["c-1"] == {"outcome": "done"}
        assert machine.calls == [("StoreAndStart", "J-1")]


@pytest.mark.parametrize(("works", "outcome"), [(True, "done"), (False, "failed")])
async def test_a_connection_cut_between_call_and_answer_is_asked_about(
    bridges: Bridges, mes: Mes, works: bool, outcome: str
) -> None:
    async with receiver_machine() as machine, Network(machine.it.port) as network:
        await bridged(bridges, mes, machine, network.url)

        async def cut(_method: str) -> None:
            network.cut()

        machine.during, machine.works = cut, works
        mes.command("c-1", "job", payload())
        await until(lambda: mes.results)
        assert mes.results["c-1"]["outcome"] == outcome
        assert machine.calls == [("StoreAndStart", "J-1")], "it is not called again"


async def test_silence_is_unknown_and_afterwards_everything_is_told_again(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine() as machine, Network(machine.it.port) as network:
        machine.jobs = {"J-1": (3, 0)}
        await machine.publish()
        await bridged(bridges, mes, machine, network.url)
        network.cut(refuse=True)
        await until(lambda: all(mes.bad(tag) for tag in TAGS))
        machine.jobs = {"J-1": (5, 1), "J-2": (3, 0)}
        await machine.publish()
        network.heal()
        await until(lambda: mes.good(TAGS[0])[-1] == "J-2")
        assert list(zip(mes.good(TAGS[0]), mes.good(TAGS[1]), strict=True))[-2:] == [("J-1", 5), ("J-2", 3)]
        ended, runs = mes.samples(TAGS[1])[-2:]
        assert ended["source_at_us"] < runs["source_at_us"], "two words of one list are not at one instant"


async def test_a_machine_that_lost_its_list_in_a_restart_has_no_job(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine() as machine:
        machine.jobs = {"J-1": (3, 0)}
        await machine.publish()
        await bridged(bridges, mes, machine)
        await until(lambda: mes.good(TAGS[0])[-1] == "J-1")
    async with receiver_machine(port=machine.it.port, spaces_before=2):
        await until(lambda: mes.good(TAGS[0])[-1] == "", timeout_s=40)
        await until(lambda: mes.good(TAGS[1])[-1] == 0)
        assert [g["reason"] for g in mes.gaps()] == ["server-restarted"]


async def test_a_list_nobody_can_read_makes_the_job_unknown(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine() as machine:
        await bridged(bridges, mes, machine)
        for body in (entry("J-1", state(3))[:-1], entry("J-1", state(99, "Dancing")), entry("J-1")):
            heard = len(mes.bad(TAGS[1]))
            await machine.write("JobOrderList", 5032, [body])
            await until(lambda before=heard: len(mes.bad(TAGS[1])) > before)
            assert mes.bad(TAGS[0])[-1]["status"] == 0x80070000
        heard = len(mes.bad(TAGS[1]))
        nothing = ua.DataValue(ua.Variant([ua.ExtensionObject()], ua.VariantType.ExtensionObject, is_array=True))
        await machine.it.server.write_attribute_value(ua.NodeId("R.JobOrderList", machine.it.space), nothing)
        await until(lambda: len(mes.bad(TAGS[1])) > heard)
        await machine.write("JobOrderList", 5032, [entry("J-1", state(0, "Running"))])
        await until(lambda: mes.good(TAGS[1])[-1] == 3)


async def test_a_receiver_that_is_not_there_shows_as_refused_and_is_found_later(bridges: Bridges, mes: Mes) -> None:
    async with receiver_machine(methods=METHODS[:2]) as machine:
        gone = TARGET.replace('"m;s=R"', '"m;s=LATER"')
        agent = await bridges.start(tag_map_text(machine.it.url, {"M.Remote": "state"}, extra=gone))
        await until(lambda: mes.bad(TAGS[1]))
        source = agent.source("machine")
        assert list(source.health.refused) == ["M (JobOrderList)"]
        assert mes.bad(TAGS[0])
