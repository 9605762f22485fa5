"""How a mean controller behaves: every habit that servers and PLCs were seen with, switchable while it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemData, MonitoredItemService

from .past import MeanHistory, PastManners, Told
from .subscriptions import (
    QUEUE_SIZE,
    KeepingInternalServer,
    KeepingSubscription,
    KeepingSubscriptionService,
    overflowed,
)


class Transfer(StrEnum):
    """What TransferSubscriptions answers."""

    works = "works"
    refused = "refused"
    """BadUserAccessDenied for each subscription."""
    nothing = "nothing"
    """BadNothingToDo though it is done, as node-opcua says of a subscription that is the session's already."""
    unsupported = "unsupported"
    """BadServiceUnsupported for the whole request."""


class Republish(StrEnum):
    """What Republish answers."""

    works = "works"
    never = "never"
    """BadMessageNotAvailable, whatever is asked for."""
    empty = "empty"
    """Good and an empty message, as asyncua's own server says of what it does not have."""
    unsupported = "unsupported"


@dataclass
class Manners:
    """The control object of a strict server; changes hold from the next request on."""

    queue_limit: int = QUEUE_SIZE
    """Queue sizes are revised down to this."""
    overflow_bit: bool = True
    """OPC 10000-4 clause 7.22.1: set where a queue of more than one dropped values. False: as asyncua, never."""
    sampling_ms: float = 0.0
    """Sampling intervals are revised up to this; of several changes within one, only the last is seen."""
    items_per_call: int = 0
    """BadTooManyOperations for more in one CreateMonitoredItems; 0: no limit."""
    denied: dict[str, int] = field(default_factory=dict)
    """StatusCode with which the item of a tag is refused."""
    transfer: Transfer = Transfer.works
    republish: Republish = Republish.works
    past: PastManners = field(default_factory=PastManners)
    """Of its history; none of its tags has one at first."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)


class MeanSubscription(KeepingSubscription):
    """Drops what DiscardOldest says, samples as slowly as it says, and dates its messages by the PLC's clock."""

    manners: Manners

    def begin(self, manners: Manners) -> None:
        self.manners = manners
        self._slots: dict[int, int] = {}
        self.monitored_item_srv.__class__ = MeanItemService

    def _pop_publish_result(self) -> ua.PublishResult:
        result = super()._pop_publish_result()
        result.NotificationMessage.PublishTime = self.manners.clock()
        return result

    async def enqueue_datachange_event(self, mid: int, eventdata: ua.MonitoredItemNotification, maxsize: int) -> None:
        queue = self._triggered_datachanges.get(mid, [])
        same = self._is_of_the_same_sample(mid)
        if queue and same:
            queue[-1] = eventdata
        elif queue and 0 < maxsize <= len(queue) and not self.monitored_item_srv.discards_oldest(mid):
            queue[-1] = self._marked(eventdata, maxsize)
        else:
            dropping = 0 < maxsize <= len(queue)
            await InternalSubscription.enqueue_datachange_event(self, mid, eventdata, maxsize)
            if dropping:
                queue[0] = self._marked(queue[0], maxsize)

    async def end(self) -> None:
        """Tell whoever waits for a message that there will be no more: StatusChangeNotification BadTimeout."""
        await self.enqueue_statuschange(ua.StatusCode(ua.StatusCodes.BadTimeout))
        waiting = self.pub_request_callback and self.pub_request_callback(self.data.SubscriptionId)
        if waiting:
            await self.pub_result_callback(self._pop_publish_result(), waiting)

    def _is_of_the_same_sample(self, mid: int) -> bool:
        if not self.manners.sampling_ms:
            return False
        slot = int(time.monotonic() * 1000 / self.manners.sampling_ms)
        before, self._slots[mid] = self._slots.get(mid), slot
        return before == slot

    def _marked(self, item: ua.MonitoredItemNotification, size: int) -> ua.MonitoredItemNotification:
        return overflowed(item) if size > 1 and self.manners.overflow_bit else item


class MeanItemService(MonitoredItemService):
    """Refuses what it is told to, and revises what it is asked for."""

    isub: MeanSubscription

    def discards_oldest(self, mid: int) -> bool:
        return bool(getattr(self._monitored_items.get(mid), "discard_oldest", True))

    def _make_monitored_item_common(
        self, params: ua.MonitoredItemCreateRequest
    ) -> tuple[ua.MonitoredItemCreateResult, MonitoredItemData]:
        result, item = super()._make_monitored_item_common(params)
        manners = self.isub.manners
        wanted = params.RequestedParameters.SamplingInterval
        if manners.sampling_ms or wanted == 0.0:
            result.RevisedSamplingInterval = max(wanted, manners.sampling_ms)
        item.discard_oldest = params.RequestedParameters.DiscardOldest
        return result, item

    def _revise_queue_size(self, requested: int) -> int:
        return min(int(requested) or self.isub.manners.queue_limit, self.isub.manners.queue_limit)

    async def _create_data_change_monitored_item(
        self, params: ua.MonitoredItemCreateRequest
    ) -> ua.MonitoredItemCreateResult:
        denied = self.isub.manners.denied.get(str(params.ItemToMonitor.NodeId.Identifier))
        if denied is not None:
            return ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(denied))
        return await super()._create_data_change_monitored_item(params)


class MeanSubscriptionService(KeepingSubscriptionService):
    """The service set, with the manners of the day."""

    manners: Manners

    async def create_subscription(self, *args: Any, **kwargs: Any) -> ua.CreateSubscriptionResult:
        result = await super().create_subscription(*args, **kwargs)
        subscription = self.subscriptions[result.SubscriptionId]
        subscription.__class__ = MeanSubscription
        subscription.begin(self.manners)
        return result

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        if 0 < self.manners.items_per_call < len(params.ItemsToCreate):
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return await super().create_monitored_items(params)

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        match self.manners.republish:
            case Republish.never:
                raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
            case Republish.empty:
                return ua.NotificationMessage()
            case Republish.unsupported:
                raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        return super().republish(params)

    async def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, session_id: ua.NodeId, callback: Callable[..., Any]
    ) -> list[ua.TransferResult]:
        if self.manners.transfer is Transfer.unsupported:
            raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        if self.manners.transfer is Transfer.refused:
            denied = ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)
            return [ua.TransferResult(StatusCode=denied) for _ in params.SubscriptionIds]
        results = await super().transfer_subscriptions(params, session_id, callback)
        if self.manners.transfer is Transfer.nothing:
            for result in results:
                if result.StatusCode.is_good():
                    result.StatusCode = ua.StatusCode(ua.StatusCodes.BadNothingToDo)
        return results


class MeanInternalServer(KeepingInternalServer):
    """asyncua's server with these manners."""

    def __init__(self, manners: Manners, told: Callable[[str], Told]) -> None:
        super().__init__()
        self.manners = manners
        self.history_manager = MeanHistory(manners.past, told)
        self.subscription_service.__class__ = MeanSubscriptionService
        self.subscription_service.manners = manners

    async def start(self) -> None:
        await super().start()
        await self.begin_anew()

    async def begin_anew(self) -> None:
        """Say that the server has been started just now, by the PLC's clock."""
        status = await self.server_status_node.read_value()
        status.StartTime = self.manners.clock()
        await self.server_status_node.write_value(status)
        start = self.aspace[ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)]
        start.attributes[ua.AttributeIds.Value].value = ua.DataValue(ua.Variant(status.StartTime))
        await self._tell_time()

    async def _set_current_time_loop(self) -> None:
        while not self._time_task_stop:
            await self._tell_time()
            await asyncio.sleep(0.1)

    async def _tell_time(self) -> None:
        status = await self.server_status_node.read_value()
        status.CurrentTime = self.manners.clock()
        await self.server_status_node.write_value(status)
        await self.current_time_node.write_value(status.CurrentTime)
