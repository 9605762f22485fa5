"""A machine server with tiny limits: what it takes in a request, what it tells in an answer, how much it remembers.

asyncua's server has no continuation points and no limits; here they are as OPC 10000-4 clause 5.9 has them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_session import InternalSession
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary

BROWSE_NEXT = ua.NodeId(ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary)


class Limits:
    """What the server was asked, and what it still holds open."""

    def __init__(
        self, *, references: int = 10, nodes_per_read: int = 5, nodes_per_browse: int = 4, points: int = 3
    ) -> None:
        self.references, self.nodes_per_read = references, nodes_per_read
        self.nodes_per_browse, self.points = nodes_per_browse, points
        self.open: dict[bytes, list[ua.ReferenceDescription]] = {}
        self.most_open = self.released = self.refused = 0
        self.delay_s = 0.0
        """Answers to Browse come this late; the continuation points are there at once."""
        self.at_point: tuple[int, Callable[[], object]] = (0, lambda: None)
        """What is to be done when so many continuation points have been given out, before the client hears of it."""
        self._given = 0

    def tell(self, server: Server) -> Any:
        """Say them in the standard's nodes."""
        capabilities = {
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead: (self.nodes_per_read, "UInt32"),
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse: (self.nodes_per_browse, "UInt32"),
            ua.ObjectIds.Server_ServerCapabilities_MaxBrowseContinuationPoints: (self.points, "UInt16"),
        }
        return asyncio.gather(
            *(
                server.get_node(ua.NodeId(node)).write_value(ua.Variant(value, ua.VariantType[kind]))
                for node, (value, kind) in capabilities.items()
            )
        )

    def allow(self, asked: list[Any], most: int) -> None:
        if len(asked) > most:
            self.refused += 1
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)

    def page(self, references: list[ua.ReferenceDescription], wanted: int = 0) -> ua.BrowseResult:
        most = min(wanted or self.references, self.references)
        result = ua.BrowseResult()
        result.References = references[:most]
        if len(references) > most:
            if len(self.open) >= self.points:
                result.References = []
                result.StatusCode = ua.StatusCode(ua.StatusCodes.BadNoContinuationPoints)
                return result
            self._given += 1
            result.ContinuationPoint = f"point-{self._given}".encode()
            self.open[result.ContinuationPoint] = references[most:]
            self.most_open = max(self.most_open, len(self.open))
            if self._given == self.at_point[0]:
                self.at_point[1]()
        return result

    def next(self, point: bytes, *, release: bool) -> ua.BrowseResult:
        if point not in self.open:
            return ua.BrowseResult(StatusCode=ua.StatusCode(ua.StatusCodes.BadContinuationPointInvalid))
        rest = self.open.pop(point)
        if release:
            self.released += 1
            return ua.BrowseResult()
        return self.page(rest)


@contextlib.contextmanager
def small(limits: Limits) -> Iterator[Limits]:
    """Every server of this process is small for as long as the block lasts."""
    browse, read, process = InternalSession.browse, InternalSession.read, UaProcessor._process_message

    async def small_browse(self: Any, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        results = await browse(self, params)
        if not self.external:
            return results
        limits.allow(params.NodesToBrowse, limits.nodes_per_browse)
        wanted = params.RequestedMaxReferencesPerNode
        pages = [limits.page(r.References, wanted) if r.StatusCode.is_good() else r for r in results]
        await asyncio.sleep(limits.delay_s)
        return pages

    async def small_read(self: Any, params: ua.ReadParameters) -> list[ua.DataValue]:
        if self.external:
            limits.allow(params.NodesToRead, limits.nodes_per_read)
        return await read(self, params)

    async def process_message(self: Any, typeid: ua.NodeId, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        if typeid != BROWSE_NEXT:
            return await process(self, typeid, requesthdr, seqhdr, body)
        params = struct_from_binary(ua.BrowseNextParameters, body)
        limits.allow(params.ContinuationPoints, limits.nodes_per_browse)
        response = ua.BrowseNextResponse()
        response.Parameters.Results = [
            limits.next(p, release=params.ReleaseContinuationPoints) for p in params.ContinuationPoints
        ]
        self.send_response(requesthdr.RequestHandle, seqhdr, response)
        return True

    InternalSession.browse, InternalSession.read = small_browse, small_read
    UaProcessor._process_message = process_message
    try:
        yield limits
    finally:
        InternalSession.browse, InternalSession.read, UaProcessor._process_message = browse, read, process
