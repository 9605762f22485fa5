"""Driver for machines that take a job through plain variables.

Below the target's prefix: `.Remote` Boolean; `.Cmd.{Token,OrderId,WorkMaster,Material,WorkRequest,Action}` String,
`.Cmd.Cycles` Int32, `.Cmd.Trigger` UInt32 (written last; any new value executes); the answer is `.Cmd.AckToken` (equal
to Token once handled), `.Cmd.AckResult` and `.Cmd.AckText`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from asyncua import ua

from opcua_bridge.drivers.seam import LOCAL_MODE, POLL_S, in_words, result, value_of
from opcua_bridge.tag_map import JobTarget
from standards.lineside.commands_v1 import CommandResult, JobCommand, Outcome

TRIGGER_END: Final = 2**32
REFUSALS: Final = {
    "local-mode": LOCAL_MODE,
    "busy": "the machine has another job",
    "unknown-job": "the machine does not know this job",
    "bad-state": "the machine's job state does not allow it",
    "unknown-recipe": "the machine does not have this recipe",
}


class MachineNodes(Protocol):
    """What a driver needs of the connection to a machine."""

    async def read(self, nodes: Sequence[str]) -> list[ua.DataValue]: ...

    async def write(self, values: Sequence[tuple[str, Any, ua.VariantType]]) -> list[int]: ...


class PlainTags:
    """One job target. Every method answers a result; none raises for what the machine or the network does."""

    def __init__(self, target: JobTarget, nodes: MachineNodes) -> None:
        self._target, self._nodes = target, nodes

    async def execute(self, job: JobCommand, *, token: str, expired: Callable[[], bool]) -> CommandResult:
        """Write set-points, read them back, trigger, wait for the machine's answer.

        Nothing has been done where the outcome is `refused` or `expired`; `failed` means that nobody knows.
        """
        try:
            refusal = await self._prepare(job, token)
        except (OSError, LookupError, ua.UaError) as error:
            return result(Outcome.refused, "machine-not-reachable", in_words(error))
        if refusal is not None:
            return refusal
        if expired():
            return result(Outcome.expired, "expired", "too late when the machine was ready for it; not triggered")
        try:
            refusal = await self._trigger()
            return refusal or await self._answer(token)
        except (OSError, LookupError, ua.UaError) as error:
            return result(Outcome.failed, "connection-lost", in_words(error))

    async def recall(self, job: JobCommand, *, token: str) -> CommandResult:
        """Whether the machine has acknowledged this token, or does so within `ack_timeout_s`."""
        try:
            return await self._answer(token)
        except (OSError, LookupError, ua.UaError) as error:
            return result(Outcome.failed, "connection-lost", in_words(error))

    async def _answer(self, token: str) -> CommandResult:
        nodes = [self._node(f"Cmd.{name}") for name in ("AckToken", "AckResult", "AckText")]
        until = time.monotonic() + self._target.ack_timeout_s
        while True:
            ack, said, text = [value_of(v) for v in await self._nodes.read(nodes)]
            if ack == token:
                return _answered(str(said or ""), str(text or ""))
            if time.monotonic() > until:
                waited = f"no acknowledgement within {self._target.ack_timeout_s:g} s"
                return result(Outcome.failed, "no-acknowledgement", waited)
            await asyncio.sleep(POLL_S)

    async def _prepare(self, job: JobCommand, token: str) -> CommandResult | None:
        """None once the set-points are in the machine."""
        remote = value_of((await self._nodes.read([self._node("Remote")]))[0])
        if remote is not True:
            return result(Outcome.refused, "local-mode", REFUSALS["local-mode"])
        points = self._set_points(job, token)
        statuses = await self._nodes.write(points)
        for (node, _, _), status in zip(points, statuses, strict=True):
            if status >> 30:
                return result(Outcome.refused, "write-refused", f"{node}: status 0x{status:08X}")
        back = [value_of(v) for v in await self._nodes.read([node for node, _, _ in points])]
        for (node, wanted, _), found in zip(points, back, strict=True):
            if found != wanted:
                return result(Outcome.refused, "set-point-not-taken", f"{node}: wrote {wanted!r}, reads {found!r}")
        return None

    def _set_points(self, job: JobCommand, token: str) -> list[tuple[str, Any, ua.VariantType]]:
        texts = {
            "Token": token,
            "OrderId": job.job_order_id,
            "WorkMaster": job.work_master_id,
            "Material": job.material_id,
            "WorkRequest": job.work_request_id,
            "Action": job.action.value,
        }
        points = [(self._node(f"Cmd.{name}"), value, ua.VariantType.String) for name, value in texts.items()]
        return [*points, (self._node("Cmd.Cycles"), job.cycles, ua.VariantType.Int32)]

    async def _trigger(self) -> CommandResult | None:
        node = self._node("Cmd.Trigger")
        before = value_of((await self._nodes.read([node]))[0])
        count = before if isinstance(before, int) else 0
        status = (await self._nodes.write([(node, (count + 1) % TRIGGER_END, ua.VariantType.UInt32)]))[0]
        if status >> 30:
            return result(Outcome.refused, "write-refused", f"{node}: status 0x{status:08X}")
        return None

    def _node(self, name: str) -> str:
        return f"{self._target.prefix}.{name}"


def _answered(said: str, text: str) -> CommandResult:
    if said == "ok":
        return result(Outcome.done, "", text)
    return result(Outcome.refused, said or "machine-refused", text or REFUSALS.get(said, "the machine refused"))
