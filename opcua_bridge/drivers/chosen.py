"""Which driver a job target asks for."""

from __future__ import annotations

from opcua_bridge.channel import Channel
from opcua_bridge.drivers.isa95_job_control import Isa95JobControl
from opcua_bridge.drivers.plain_tags import PlainTags
from opcua_bridge.drivers.seam import Driver
from opcua_bridge.tag_map import JobDriver, JobTarget


def driver_of(target: JobTarget, channel: Channel) -> Driver:
    """The driver for this target on a live session. The tag map has checked its name."""
    if target.driver == JobDriver.isa95_job_control:
        return Isa95JobControl(target, channel)
    return PlainTags(target, channel)
