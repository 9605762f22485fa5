"""JobOrderList → the tags of a target's job. A list has many jobs; the server follows one word after another.

A list variable is monitored like any tag, under a name no tag can have, and its samples carry the structures as they
came. Before the journal, `JobLists.told` puts the samples of `<job>.OrderId`, `<job>.State` and `<job>.Substate` in
their place.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from opcua_bridge.blocks import thinned
from opcua_bridge.job_receiver import MachineJob, NoReceiver, Receiver, Server, find_receiver, jobs_of
from opcua_bridge.structures import UnknownStructure, from_raw
from opcua_bridge.tag_map import Endpoint, JobDriver, JobTarget, Tag, TagClass
from opcua_bridge.values import BAD_DECODING_ERROR
from standards.isa95.job_control import FINAL_STATES, JobState
from standards.lineside.ingest_v1 import Entry, Gap, Sample, Samples, samples_of
from standards.opcua.status import Quality

LIST: Final = " (JobOrderList)"
NO_JOB: Final = MachineJob("", 0, 0)
MAX_JOBS: Final = 1_000
"""In one list; a longer one is not followed, and its job is unknown."""
_RANK: Final = {JobState.Running: 0, JobState.Interrupted: 1, JobState.AllowedToStart: 2, JobState.NotAllowedToStart: 3}
_log = logging.getLogger(__name__)
Jobs = tuple[MachineJob, ...]


def is_list(tag: str) -> bool:
    """Whether this is the internal name of a JobOrderList."""
    return tag.endswith(LIST)


# ---------------------------------------------------------------------------- rules


def current(jobs: Jobs) -> MachineJob | None:
    """The job the machine is at: one that runs, else is interrupted, may start, waits. None if all are over."""
    alive = [job for job in jobs if job.state in _RANK]
    return min(alive, key=lambda job: _RANK[JobState(job.state)]) if alive else None


def words(before: Jobs | None, now: Jobs) -> list[MachineJob]:
    """What must be told so that whoever followed `before` knows `now`, in this order; the last word is what holds.

    Jobs that are over come first, the current one last. NO_JOB: the machine has none, or has lost the one it had.
    """
    if before == now:
        return []
    known = {job.order_id: job for job in before or ()}
    here = current(now)
    told = [job for job in now if job is not here and known.get(job.order_id) != job]
    told.sort(key=lambda job: job.state not in FINAL_STATES)
    if here is not None:
        return [*told, here]
    there = {job.order_id for job in now}
    has_vanished = any(job.state in _RANK and job.order_id not in there for job in known.values())
    return [*told, NO_JOB] if before is None or has_vanished or not now else told


# ---------------------------------------------------------------------------- hook


class JobLists:
    """The job order receivers of one endpoint. Without one in the map it does nothing."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._targets = {
            target.equipment + LIST: target
            for target in endpoint.job_target
            if target.driver == JobDriver.isa95_job_control
        }
        self.tags = {name: Tag(name, t.receiver, TagClass.state) for name, t in self._targets.items()}
        """The list variables, to be monitored besides the tags of the map; `learn` finds their nodes."""
        self._receivers: dict[str, Receiver] = {}
        self._before: dict[str, Jobs] = {}
        self._last_us: dict[str, int] = {}

    async def learn(self, server: Server, *, anew: bool) -> dict[str, Tag]:
        """Find the list variables and read their types; `anew`: another connection, everything is told again.

        Answers the tags with their nodes. One that is not there is asked for all the same, so that it shows as refused.
        """
        if anew:
            self._receivers.clear()
            self._before.clear()
        for name, target in self._targets.items():
            if name not in self._receivers:
                await self._find(server, name, target)
        return self.tags

    async def _find(self, server: Server, name: str, target: JobTarget) -> None:
        try:
            found = await find_receiver(server, target.receiver)
        except NoReceiver as error:
            _log.warning("%s: %s [%s]", name, error, error.code)
            return
        self._receivers[name] = found
        self.tags[name] = Tag(name, server.node_name(found.job_list), TagClass.state)

    def told(self, items: Sequence[Entry]) -> Sequence[Entry]:
        """The same items with what the lists say in place of the lists."""
        return [new for item in items for new in self._told(item)] if self._targets else items

    def _told(self, item: Entry) -> Iterable[Entry]:
        if isinstance(item, Samples):
            return self._of_block(item)
        if isinstance(item, Sample) and item.tag in self._targets:
            return self._samples(self._targets[item.tag], item)
        if isinstance(item, Gap) and item.tags and self._targets.keys() & set(item.tags):
            return [_with_tags(item, [name for tag in item.tags for name in self._names(tag)])]
        return [item]

    def _of_block(self, block: Samples) -> Iterable[Entry]:
        if self._targets.keys().isdisjoint(block.tags):
            return [block]
        others = thinned(block, [block.tags[tag] not in self._targets for tag in block.tag])
        lists = [sample for sample in samples_of(block) if sample.tag in self._targets]
        return [*([others] if others else []), *(word for sample in lists for word in self._told(sample))]

    def _names(self, tag: str) -> Iterable[str]:
        target = self._targets.get(tag)
        return [tag] if target is None else target.job_tags

    def _samples(self, target: JobTarget, sample: Sample) -> list[Entry]:
        if sample.quality is Quality.bad:
            return self._unknown(target, sample, sample.status)
        try:
            jobs = self._decoded(sample)
        except UnknownStructure as error:
            _log.warning("%s: %s", sample.tag, error)
            return self._unknown(target, sample, BAD_DECODING_ERROR)
        before, self._before[sample.tag] = self._before.get(sample.tag), jobs
        return [s for job in words(before, jobs) for s in _said(target, sample, job, self._instant(sample))]

    def _decoded(self, sample: Sample) -> Jobs:
        receiver = self._receivers.get(sample.tag)
        if receiver is None:
            raise UnknownStructure("the types of this list are not known")
        entries = sample.value if isinstance(sample.value, list) else []
        if len(entries) > MAX_JOBS:
            raise UnknownStructure(f"{len(entries)} jobs in one list")
        jobs = jobs_of(receiver.types, [from_raw(bytes.fromhex(str(entry))) for entry in entries])
        strange = next((job for job in jobs if not job.state), None)
        if strange is not None:
            raise UnknownStructure(f"job {strange.order_id!r} is in no state that the standard knows")
        return jobs

    def _unknown(self, target: JobTarget, sample: Sample, status: int) -> list[Entry]:
        """Nothing is known of the job; the next list is told whole."""
        self._before.pop(sample.tag, None)
        bad = {"value": None, "quality": Quality.bad, "status": status, "data_type": ""}
        return [_like(sample, tag, **bad) for tag in target.job_tags]

    def _instant(self, sample: Sample) -> int:
        """Words of one list are a microsecond apart: of two at the same instant nobody could say which holds."""
        at_us = sample.source_at_us if sample.source_at_us is not None else sample.observed_at_us
        last_us = self._last_us.get(sample.tag, at_us - 1)
        self._last_us[sample.tag] = at_us if not at_us <= last_us < at_us + 1_000 else last_us + 1
        return self._last_us[sample.tag]


def _said(target: JobTarget, sample: Sample, job: MachineJob, at_us: int) -> list[Entry]:
    contents = ((job.order_id, "String"), (job.substate, "UInt32"), (job.state, "UInt32"))
    order, state, substate = target.job_tags
    return [
        _like(sample, tag, value=value, data_type=kind, source_at_us=at_us)
        for tag, (value, kind) in zip((order, substate, state), contents, strict=True)
    ]


def _like(sample: Sample, tag: str, **changes: Any) -> Sample:
    return msgspec.structs.replace(sample, tag=tag, **changes)


def _with_tags(gap: Gap, tags: list[str]) -> Gap:
    return msgspec.structs.replace(gap, tags=sorted(tags))
