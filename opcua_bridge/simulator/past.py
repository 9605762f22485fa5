"""The history of a mean controller (HistoryRead of raw values, OPC 10000-11 clause 6.5.3): what it told, and gaps."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError

Told = Sequence[tuple[Any, int, datetime, str]]
"""Value, StatusCode, source time and data type, in order."""


@dataclass
class PastManners:
    """How it answers; changes hold from the next request on."""

    tags: set[str] = field(default_factory=set)
    """Those with a history."""
    values: int = 0
    """At most so many of a node in one answer; 0: as many as asked for."""
    nodes: int = 0
    """BadTooManyOperations for more in one request; 0: no limit."""
    points: int = 10
    """Continuation points it keeps at a time; beyond: BadNoContinuationPoints."""
    denied: dict[str, int] = field(default_factory=dict)
    """StatusCode of a tag's answer; where `endless`, that there is more of it."""
    fault: int = 0
    """StatusCode of the whole service."""
    endless: bool = False
    """Answers nothing and says that there is more, for ever."""
    swallows: int = 0
    """So many answers of a request are missing."""
    on_request: Callable[[], None] = lambda: None
    """What else happens to it when it is asked."""
    worked_out: bool = False
    """Values are interpolated (and say so)."""
    hole: tuple[datetime, datetime] | None = None
    """It collected nothing in that time."""
    delay_s: float = 0.0
    asked: int = 0
    """Requests so far, without those that release."""
    held: dict[bytes, list[ua.DataValue]] = field(default_factory=dict, repr=False)
    """What is still to come, by continuation point."""


class MeanHistory:
    """In the place of asyncua's HistoryManager."""

    def __init__(self, manners: PastManners, told: Callable[[str], Told]) -> None:
        self._manners, self._told = manners, told

    async def init(self) -> None:
        """Nothing to prepare."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def read_history(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        manners = self._manners
        if params.ReleaseContinuationPoints:
            for node in params.NodesToRead:
                manners.held.pop(node.ContinuationPoint or b"", None)
            return [ua.HistoryReadResult() for _ in params.NodesToRead]
        manners.asked += 1
        await asyncio.sleep(manners.delay_s)
        if manners.fault:
            raise ServiceError(manners.fault)
        if 0 < manners.nodes < len(params.NodesToRead):
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        manners.on_request()
        asked = params.NodesToRead[manners.swallows :]
        return [self._answer(node, params.HistoryReadDetails) for node in asked]

    def _answer(self, node: ua.HistoryReadValueId, details: ua.ReadRawModifiedDetails) -> ua.HistoryReadResult:
        tag = str(node.NodeId.Identifier)
        if tag in self._manners.denied:
            result = _result(self._manners.denied[tag])
            result.ContinuationPoint = b"more" if self._manners.endless else None
            return result
        if tag not in self._manners.tags:
            return _result(ua.StatusCodes.BadHistoryOperationUnsupported)
        if node.ContinuationPoint:
            if node.ContinuationPoint not in self._manners.held:
                return _result(ua.StatusCodes.BadContinuationPointInvalid)
            return self._part(self._manners.held.pop(node.ContinuationPoint), details)
        return self._part(self._stored(tag, details), details)

    def _stored(self, tag: str, details: ua.ReadRawModifiedDetails) -> list[ua.DataValue]:
        begin, end, hole = _aware(details.StartTime), _aware(details.EndTime), self._manners.hole
        extra = 0x402 if self._manners.worked_out else 0
        return [
            ua.DataValue(ua.Variant(value, ua.VariantType[kind]), ua.StatusCode(status | extra), at, at)
            for value, status, at, kind in self._told(tag)
            if begin <= at < end and not (hole and hole[0] <= at < hole[1])
        ]

    def _part(self, left: list[ua.DataValue], details: ua.ReadRawModifiedDetails) -> ua.HistoryReadResult:
        manners = self._manners
        most = min(manners.values or len(left), int(details.NumValuesPerNode) or len(left))
        most = 0 if manners.endless else most
        if not left:
            return _result(ua.StatusCodes.BadNoData)
        result = ua.HistoryReadResult(HistoryData=ua.HistoryData(DataValues=left[:most]))
        if most < len(left):
            if len(manners.held) >= manners.points:
                return _result(ua.StatusCodes.BadNoContinuationPoints)
            result.ContinuationPoint = uuid.uuid4().bytes
            manners.held[result.ContinuationPoint] = left[most:]
        return result


def _result(status: int) -> ua.HistoryReadResult:
    return ua.HistoryReadResult(StatusCode=ua.StatusCode(status))


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
