"""What leaves and enters by agreement: webhooks, ERP connections, files, archives."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from standards.lineside.events_v1.base import Event


class _OfConnection(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "erp/…"
    connection_id: str


class _OfErpOrder(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "order/…"
    operations_request_id: str


class _OfMapping(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "import-mapping/…"
    name: str
    kind: Annotated[str, Meta(description="What its files are about.")]


class _OfWebhook(Event, frozen=True, kw_only=True):
    its_subject: ClassVar[str] = "webhook/…"
    webhook_id: str


class ErpConnectionChanged(_OfConnection, frozen=True, kw_only=True):
    """A connection to an ERP was changed."""

    url: str
    active: bool


class ErpConnectionCreated(_OfConnection, frozen=True, kw_only=True):
    """There is a new connection to an ERP."""

    kind: str
    url: str


class ErpConnectionFailing(_OfConnection, frozen=True, kw_only=True):
    """An ERP does not answer as it should."""

    reason: str


class ErpConnectionRecovered(_OfConnection, frozen=True, kw_only=True):
    """An ERP answers again."""


class ErpConnectionRemoved(_OfConnection, frozen=True, kw_only=True):
    """A connection to an ERP is gone."""

    url: str


class ErpConsumptionChosen(_OfConnection, frozen=True, kw_only=True):
    """How the use of a material is booked was chosen."""

    material_id: str
    consumption: Annotated[str, Meta(description="Empty: as the ERP books it.")]


class ErpOrderNotFollowed(Event, frozen=True, kw_only=True):
    """What an ERP asks for is not done."""

    its_subject: ClassVar[str] = "erp-order/…"
    number: Annotated[str, Meta(description="As the ERP calls it.")]
    order_id: Annotated[str, Meta(description="Our production order; empty: none was made.")]
    reason: str


class ErpOrderNotTold(_OfErpOrder, frozen=True, kw_only=True):
    """An ERP did not take the outcome of its order."""

    key: Annotated[str, Meta(description="As the ERP keys it.")]
    said: str


class ErpOrderTaken(_OfErpOrder, frozen=True, kw_only=True):
    """A production order came from an ERP."""

    connection_id: str
    number: Annotated[str, Meta(description="As the ERP calls it.")]


class ErpOrderTold(_OfErpOrder, frozen=True, kw_only=True):
    """An ERP booked the outcome of its order."""

    key: Annotated[str, Meta(description="As the ERP keys it.")]
    said: str


class ErpOrderToldAgain(_OfConnection, frozen=True, kw_only=True):
    """Somebody wants the outcome of an order told to the ERP once more."""

    order_id: str


class ErpViewReceived(Event, frozen=True, kw_only=True):
    """What an ERP thinks was handed in, to be compared."""

    its_subject: ClassVar[str] = "erp-view/…"
    subject: Annotated[str, Meta(description="What it is about: orders or lots.")]
    source: Annotated[str, Meta(description="Whose books they are.")]
    rows: int
    complete: bool


class EventsRemoved(Event, frozen=True, kw_only=True):
    """Old events were put into an archive and removed."""

    its_subject: ClassVar[str] = "audit-chain"
    first: int
    last: int
    removed: int
    archive_sha256: str


class FileImported(Event, frozen=True, kw_only=True):
    """A file was imported; so many of its rows did that."""

    its_subject: ClassVar[str] = "import/…"
    kind: Annotated[str, Meta(description="What it is about.")]
    name: str
    created: int
    updated: int
    unchanged: int
    refused: int


class ImportMappingPut(_OfMapping, frozen=True, kw_only=True):
    """How files of a kind are read was kept."""


class ImportMappingRemoved(_OfMapping, frozen=True, kw_only=True):
    """How files of a kind are read was forgotten."""


class WebhookChanged(_OfWebhook, frozen=True, kw_only=True):
    """A webhook was changed."""

    url: str
    active: bool


class WebhookCreated(_OfWebhook, frozen=True, kw_only=True):
    """There is a new webhook."""

    url: str
    event_types: list[str]


class WebhookDeliveriesReplayed(_OfWebhook, frozen=True, kw_only=True):
    """Messages that were given up are sent again."""

    deliveries: int


class WebhookDeliveryGivenUp(_OfWebhook, frozen=True, kw_only=True):
    """A message was given up."""

    event_type: str
    about: Annotated[str, Meta(description="The subject of its event.")]


class WebhookFailing(_OfWebhook, frozen=True, kw_only=True):
    """The receiver of a webhook does not answer."""

    reason: str


class WebhookRecovered(_OfWebhook, frozen=True, kw_only=True):
    """The receiver of a webhook answers again."""


class WebhookRemoved(_OfWebhook, frozen=True, kw_only=True):
    """A webhook is gone."""

    url: str


class WebhookSecretReplaced(_OfWebhook, frozen=True, kw_only=True):
    """A webhook has a new secret."""


class WebhookSwitchedOff(_OfWebhook, frozen=True, kw_only=True):
    """A webhook was switched off, since its receiver wants no more."""

    reason: str


class WebhookTest(Event, frozen=True, kw_only=True):
    """A trial message that somebody asked for. It is sent, and never recorded."""

    its_subject: ClassVar[str] = "webhook/…"
