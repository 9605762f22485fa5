"""A client that knows the standard and nothing of us: asyncua's own. Run by itself; prints what it saw as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from asyncua import Client, ua

URI = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"


class Seen:
    """States of the list's job, and of its events, each once in a row."""

    def __init__(self) -> None:
        self.states: list[list[int]] = []
        self.events: list[list[int]] = []
        self.news = asyncio.Event()

    def datachange_notification(self, _node: Any, value: Any, _data: Any) -> None:
        for job in value or ():
            self.add(self.states, job.State)

    def event_notification(self, event: Any) -> None:
        if getattr(event, "JobState", None):
            self.add(self.events, event.JobState)

    def add(self, known: list[list[int]], states: Any) -> None:
        numbers = [s.StateNumber for s in states]
        if known[-1:] != [numbers]:
            known.append(numbers)
        self.news.set()

    async def until(self, state: int) -> None:
        async with asyncio.timeout(60):
            while not all(known and known[-1][0] == state for known in (self.states, self.events)):
                self.news.clear()
                await self.news.wait()


async def main(endpoint: str) -> dict[str, Any]:
    async with Client(endpoint, timeout=60, watchdog_intervall=3600) as client:
        await client.load_data_type_definitions()
        index = await client.get_namespace_index(URI)
        own = await client.get_namespace_index("urn:lineside:simulator")
        station = await client.nodes.objects.get_child(f"{own}:TEST-1")
        receiver = await station.get_child(f"{own}:JobOrderControl")
        provider = await station.get_child(f"{own}:JobOrderResults")
        return await drive(client, receiver, provider, index)


async def drive(client: Client, receiver: Any, provider: Any, index: int) -> dict[str, Any]:
    seen = Seen()
    subscription = await client.create_subscription(50, seen)
    job_list = await receiver.get_child(f"{index}:JobOrderList")
    await subscription.subscribe_data_change(job_list, queuesize=100)
    event_type = client.get_node(ua.NodeId(1006, index))
    await subscription.subscribe_events(evtypes=await subtype_of(event_type))

    async def call(method: str, first: Any) -> Any:
        comment = ua.Variant([ua.LocalizedText("test")], ua.VariantType.LocalizedText)
        return await receiver.call_method(f"{index}:{method}", first, comment)

    told: dict[str, Any] = {"store": await call("Store", order(20))}
    told["stored twice"] = await call("Store", order(20))
    told["update"] = await call("Update", order(60))
    told["unknown"] = await call("Pause", "J-9")
    told["no runs"] = await call("Store", ua.ISA95JobOrderDataType(JobOrderID="J-2"))
    told["start"] = await call("Start", "J-1")
    await seen.until(3)
    [entry] = await job_list.read_value()
    told["order"] = facts(entry.JobOrder)
    told["pause"] = await call("Pause", "J-1")
    await seen.until(4)
    told["resume"] = await call("Resume", "J-1")
    await seen.until(5)
    told |= {"states": seen.states, "events": seen.events}
    told |= await responses(provider, index)
    told["clear"] = await call("Clear", "J-1")
    told["cleared twice"] = await call("Clear", "J-1")
    told["type"] = (await receiver.read_type_definition()).Identifier
    return told


async def subtype_of(event_type: Any) -> Any:
    """The standard's type is abstract; what is raised is the maker's own below it."""
    [found] = await event_type.get_referenced_nodes(ua.ObjectIds.HasSubtype, ua.BrowseDirection.Forward)
    return found


def order(runs: int) -> Any:
    parameters = [ua.ISA95ParameterDataType(ID="RunsPlanned", Value=ua.Variant(runs, ua.VariantType.UInt32))]
    return ua.ISA95JobOrderDataType(
        JobOrderID="J-1",
        WorkMasterID=[ua.ISA95WorkMasterDataType(ID="WM-CB-TEST")],
        JobOrderParameters=parameters,
        MaterialRequirements=[ua.ISA95MaterialDataType(MaterialDefinitionID="CB-100")],
    )


def facts(job: Any) -> dict[str, Any]:
    runs = next(p.Value.Value for p in job.JobOrderParameters if p.ID == "RunsPlanned")
    master, material = job.WorkMasterID[0].ID, job.MaterialRequirements[0].MaterialDefinitionID
    return {"id": job.JobOrderID, "work master": master, "runs": runs, "material": material}


async def responses(provider: Any, index: int) -> dict[str, Any]:
    one, status = await provider.call_method(f"{index}:RequestJobResponseByJobOrderID", "J-1")
    ended = ua.ISA95StateDataType(StateNumber=5)
    wanted = ua.Variant([ended], ua.VariantType.ExtensionObject)
    several, all_status = await provider.call_method(f"{index}:RequestJobResponseByJobOrderState", wanted)
    found = {"order": one.JobOrderID, "state": one.JobState[0].StateNumber, "ended": one.EndTime is not None}
    by_state = {"status": all_status, "orders": [response.JobOrderID for response in several]}
    return {"response": {"status": status, **found}, "by state": by_state}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1]))))
