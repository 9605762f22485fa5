"""The factory as OPC UA nodes: one object per piece of equipment, one variable per signal, alarms from the Server."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from asyncua import Server, ua
from asyncua.server.event_generator import EventGenerator

from .catalog import NAMESPACE_URI, signal_types
from .job_nodes import TypeNodes
from .job_station import JobStation
from .job_types import URI as JOB_CONTROL_URI
from .jobs import Job
from .world import Alarm

ANSWER_FIELDS = ("MayI.Allowed", "MayI.Code", "MayI.Answer")
"""Written by whoever answers."""
VARIANT_TYPES = {
    name: ua.VariantType[name] for name in ("String", "Int32", "UInt32", "UInt16", "Double", "Boolean", "DateTime")
}


class AddressSpace:
    """Writes values with their own source timestamps, past the costly ways of the library's nodes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._aspace = server.iserver.aspace
        self.node_ids: dict[str, ua.NodeId] = {}
        self._types = {tag: VARIANT_TYPES[name] for tag, name in signal_types().items()}
        self._equipment: dict[str, ua.NodeId] = {}
        self._alarms: EventGenerator | None = None
        self._has_job_types = False

    async def build(self, values: dict[str, Any], at: datetime) -> None:
        """Make every node, with its first value. Values of DateTime tags are aware datetimes."""
        index = await self._server.register_namespace(NAMESPACE_URI)
        for equipment, tags in groupby(sorted(values), key=lambda tag: tag.partition(".")[0]):
            parent = await self._server.nodes.objects.add_object(ua.NodeId(equipment, index), f"{index}:{equipment}")
            self._equipment[equipment] = parent.nodeid
            for tag in tags:
                await self._add(parent, tag, index, values[tag])
        for tag, value in values.items():
            await self.write(tag, value, at, at)
        self._alarms = await self._server.get_event_generator(await self._alarm_type(index), self._server.nodes.server)

    async def _add(self, parent: Any, tag: str, index: int, value: Any) -> None:
        name = tag.partition(".")[2]
        node_id = ua.NodeId(tag, index)
        variable = await parent.add_variable(node_id, f"{index}:{name}", value, self._types[tag])
        if (name.startswith("Cmd.") and not name.startswith("Cmd.Ack")) or name in ANSWER_FIELDS:
            await variable.set_writable()
        self.node_ids[tag] = node_id

    async def _alarm_type(self, index: int) -> ua.NodeId:
        kind = await self._server.create_custom_event_type(
            index,
            "MachineAlarmType",
            ua.ObjectIds.BaseEventType,
            [("Code", ua.VariantType.String), ("Active", ua.VariantType.Boolean)],
        )
        return kind.nodeid

    async def add_station(self, station: JobStation, job: Job | None, at: datetime) -> None:
        """Put a job order receiver under its equipment; the standard's types come with the first one."""
        standard = await self._server.register_namespace(JOB_CONTROL_URI)
        if not self._has_job_types:
            await TypeNodes(self._server, standard).build()
            self._has_job_types = True
        parent = self._server.get_node(self._equipment[station.name])
        own = await self._server.register_namespace(NAMESPACE_URI)
        await station.build(self._server, parent, standard, own, job, at)

    async def write(self, tag: str, value: Any, source_at: datetime, server_at: datetime) -> None:
        variant = ua.Variant(value, self._types[tag])
        data = ua.DataValue(variant, SourceTimestamp=source_at, ServerTimestamp=server_at)
        status = await self._aspace.write_attribute_value(self.node_ids[tag], ua.AttributeIds.Value, data)
        status.check()

    def read(self, tag: str) -> Any:
        value = self._aspace.read_attribute_value(self.node_ids[tag], ua.AttributeIds.Value).Value
        return value.Value if value is not None else None

    def on_write(self, tag: str, callback: Any) -> None:
        """Await `callback(handle, data_value)` at every write to this tag, before the writer gets its answer."""
        status, _ = self._aspace.add_datachange_callback(self.node_ids[tag], ua.AttributeIds.Value, callback)
        status.check()

    async def raise_alarm(self, alarm: Alarm, at: datetime) -> None:
        """An event of the Server node with SourceName = equipment; a cleared alarm is an event with Active = false."""
        generator = self._alarms
        assert generator is not None
        event = generator.event
        event.SourceNode, event.SourceName = self._equipment[alarm.equipment], alarm.equipment
        event.Severity, event.Code, event.Active = alarm.severity, alarm.code, alarm.active
        ending = "" if alarm.active else " (cleared)"
        await generator.trigger(time_attr=at, message=f"{alarm.code} {alarm.text}{ending}")
