"""asyncua's server, made to keep its word after a lost connection.

Stock 2.1.0 answers Republish of an unknown message with Good and nothing, forgets a message once it was republished,
leaves a transferred subscription silent (it moves where results go but not where publish requests come from), and never
sets the overflow bit. Real servers differ (OPC 10000-4, Subscription Service Set), so these few methods are overridden.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.subscription_service import SubscriptionService

from .standard_nodes import borrow_standard_nodes

SESSION_TIMEOUT_MS = 3_600_000.0
QUEUE_SIZE = 100_000
LIFETIME_COUNT = 100_000
OVERFLOW = 0x480
"""InfoType DataValue with the Overflow bit."""


class KeepingSubscription(InternalSubscription):
    """Keeps a message until it is acknowledged, and marks the value after those it had to drop."""

    def republish(self, nb: int) -> ua.NotificationMessage:
        result = self._not_acknowledged_results.get(nb)
        if result is None:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return result.NotificationMessage

    async def enqueue_datachange_event(self, mid: int, eventdata: ua.MonitoredItemNotification, maxsize: int) -> None:
        queue = self._triggered_datachanges.get(mid, [])
        dropping = 1 < maxsize <= len(queue)
        await super().enqueue_datachange_event(mid, eventdata, maxsize)
        if dropping:
            queue[0] = overflowed(queue[0])


def overflowed(item: ua.MonitoredItemNotification) -> ua.MonitoredItemNotification:
    """The same, with the overflow bit of OPC 10000-4 clause 7.38."""
    before = item.Value.StatusCode
    status = ua.StatusCode((before.value if before is not None else 0) | OVERFLOW)
    return ua.MonitoredItemNotification(item.ClientHandle, dataclasses.replace(item.Value, StatusCode=status))


class KeepingSubscriptionService(SubscriptionService):
    """Makes `KeepingSubscription`s, and moves them wholly when a client asks for them on a new session."""

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Callable[..., Any],
        session_id: ua.NodeId,
        request_callback: Callable[..., Any] | None = None,
    ) -> ua.CreateSubscriptionResult:
        result = await super().create_subscription(params, callback, session_id, request_callback)
        subscription = self.subscriptions[result.SubscriptionId]
        subscription.__class__ = KeepingSubscription  # the stock service names its class; nothing but methods differ
        return result

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        subscription = self.subscriptions.get(params.SubscriptionId)
        if subscription is None:
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
        return subscription.republish(params.RetransmitSequenceNumber)

    async def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, session_id: ua.NodeId, callback: Callable[..., Any]
    ) -> list[ua.TransferResult]:
        results = await super().transfer_subscriptions(params, session_id, callback)
        connection = getattr(callback, "__self__", None)
        for subscription_id in params.SubscriptionIds:
            subscription = self.subscriptions.get(int(subscription_id))
            if subscription is not None and connection is not None:
                subscription.pub_request_callback = connection.get_publish_request
        return results


class KeepingInternalServer(InternalServer):
    """Sessions live an hour without a word, queues are deep, subscriptions keep their word."""

    time_task: asyncio.Task[None] | None

    def __init__(self) -> None:
        super().__init__()
        self.max_session_timeout_ms = SESSION_TIMEOUT_MS
        self.max_monitored_item_queue_size = QUEUE_SIZE
        self.max_lifetime_count = LIFETIME_COUNT
        self.subscription_service = KeepingSubscriptionService(self.aspace, iserver=self)
        self.isession.subscription_service = self.subscription_service

    async def stop(self) -> None:
        """Without waiting out the second of the clock that tells clients the time."""
        clock, self.time_task = self.time_task, None
        if clock is not None:
            clock.cancel()
            await asyncio.wait([clock])
        await super().stop()

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        self.aspace._nodes = await borrow_standard_nodes()
