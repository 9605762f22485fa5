"""A server that behaves like a mean PLC, for tests of the bridge in one process.

    async with StrictServer() as plc:
        await plc.add("M.Count", "UInt32", 0)
        ...
        plc.freeze()

Each fault is one method, each lasting habit a field of `manners` (the control object); all are off at first. It serves
one namespace, `urn:lineside:strict`, string node ids = tags, and remembers all it ever showed (`told`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from .manners import Manners, MeanInternalServer
from .past import Told
from .relay import Relay
from .server import make_server

NAMESPACE = "urn:lineside:strict"
APPLICATION = "urn:lineside:strict:server"
DECOY = 4_000_000
"""What nodes of the same name in other namespaces show."""


@dataclass
class _Tag:
    data_type: str
    value: Any
    node_id: ua.NodeId


class StrictServer:
    """The faults of real machines at the call of a method."""

    def __init__(self, namespace: str = NAMESPACE, *, certificates: Path | None = None) -> None:
        """`certificates`: a folder; then only Basic256Sha256 SignAndEncrypt is offered, with its own certificate."""
        self.namespace = namespace
        self.manners = Manners(clock=self.now)
        self.told: dict[str, list[tuple[Any, int, datetime]]] = {}
        """Value, StatusCode and source time of everything that was there to be seen, by tag, in order."""
        self._certificates = certificates
        self._relay = Relay()
        self._server: Server | None = None
        self._index = 0
        self._tags: dict[str, _Tag] = {}
        self._clock_shift = timedelta(0)

    @property
    def endpoint(self) -> str:
        """Stays the same through restarts."""
        return f"opc.tcp://127.0.0.1:{self._relay.port}/strict/"

    async def __aenter__(self) -> Self:
        await self._relay.__aenter__()
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self._relay.__aexit__(kind, error, trace)

    # -- values

    async def add(self, tag: str, data_type: str, value: Any) -> None:
        """A variable `ns=<namespace>;s=<tag>`, writable by clients. `data_type` names a ua.VariantType."""
        self._tags[tag] = _Tag(data_type, value, ua.NodeId(tag, self._index))
        await self._make(tag)

    async def write(
        self, tag: str, value: Any, *, status: int = 0, at: datetime | None = None, data_type: str | None = None
    ) -> None:
        """A new value by the PLC's own clock, with any StatusCode and, if asked, another type than before.

        A bad status carries no value. Nothing is checked: whatever is asked for is what clients get."""
        known = self._tags[tag]
        known.value, known.data_type = value, data_type or known.data_type
        bad = status >= 0x8000_0000
        variant = ua.Variant(None, ua.VariantType.Null) if bad else ua.Variant(value, ua.VariantType[known.data_type])
        now = self.now()
        self.told.setdefault(tag, []).append((variant.Value, status, at or now))
        await self._force(known, ua.DataValue(variant, ua.StatusCode(status), at or now, now))

    async def _force(self, known: _Tag, data: ua.DataValue) -> None:
        node = None if self._server is None else self._server.iserver.aspace.get(known.node_id)
        if node is None:
            return
        attribute = node.attributes[ua.AttributeIds.Value]
        attribute.value = data
        for handle, callback in list(attribute.datachange_callbacks.items()):
            await callback(handle, data)

    def _past(self, tag: str) -> Told:
        kind = self._tags[tag].data_type
        return [(value, status, at, "Null" if value is None else kind) for value, status, at in self.told.get(tag, [])]

    async def keep_history(self, tag: str) -> None:
        """From now on this tag has a history, and its node says so."""
        self.manners.past.tags.add(tag)
        await self._say_history(tag)

    async def _say_history(self, tag: str) -> None:
        node = self._running.get_node(self._tags[tag].node_id)
        for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
            await node.set_attr_bit(attribute, ua.AccessLevel.HistoryRead)
        await node.write_attribute(ua.AttributeIds.Historizing, ua.DataValue(ua.Variant(True)))

    async def say_not_historizing(self, tag: str) -> None:
        """It has a history, to which nothing is added at present."""
        node = self._running.get_node(self._tags[tag].node_id)
        await node.write_attribute(ua.AttributeIds.Historizing, ua.DataValue(ua.Variant(False)))

    def read(self, tag: str) -> Any:
        """The present value, clients' writes included."""
        node_id = self._tags[tag].node_id
        value = self._running.iserver.aspace.read_attribute_value(node_id, ua.AttributeIds.Value).Value
        return value.Value if value is not None else None

    def now(self) -> datetime:
        """The PLC's clock."""
        return datetime.now(UTC) + self._clock_shift

    # -- the cable

    def drop_connections(self) -> None:
        """The cable is pulled: every connection ends, sessions and subscriptions live on."""
        self._relay.cut()

    def refuse_connections(self, refusing: bool = True) -> None:
        """Accept and close at once, until told otherwise."""
        self._relay.refuse(refusing)

    def freeze(self) -> None:
        """Stop answering without closing anything."""
        self._relay.freeze()

    def thaw(self) -> None:
        """Go on; what piled up is sent."""
        self._relay.thaw()

    def delay(self, seconds: float) -> None:
        """Everything arrives this much later from now on; 0: at once."""
        self._relay.delay(seconds)

    def half_close(self) -> None:
        """Clients are told that nothing more will come; what they say is still listened to."""
        self._relay.half_close()

    # -- memory

    async def forget_sessions(self, *, with_subscriptions: bool = False) -> None:
        """Old tokens mean nothing any more: BadSessionIdInvalid. Connections are dropped, as no PLC keeps them then."""
        for session in list(self._running.iserver._external_sessions.values()):
            await session.close_session(with_subscriptions)
        self.drop_connections()

    async def forget_subscriptions(self) -> None:
        """Subscriptions are gone without a word; connection and session stay, waiting publish requests too."""
        service = self._running.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))

    async def end_subscriptions(self) -> None:
        """Subscriptions are gone, and their clients are told: StatusChangeNotification BadTimeout."""
        service = self._running.iserver.subscription_service
        for subscription in list(service.subscriptions.values()):
            await subscription.end()
        await self.forget_subscriptions()

    def skip_message(self) -> None:
        """One sequence number of every subscription is never sent and cannot be republished."""
        for subscription in self._running.iserver.subscription_service.subscriptions.values():
            subscription._notification_seq += 1

    def forget_messages(self) -> None:
        """The retransmission queues are empty: Republish answers BadMessageNotAvailable."""
        for subscription in self._running.iserver.subscription_service.subscriptions.values():
            subscription._not_acknowledged_results.clear()

    # -- nodes, queues, clock

    def refuse_node(self, tag: str) -> None:
        """BadNodeIdUnknown from now on, until `add` or `remake` makes it again; items that watched it fall silent, and
        stay so."""
        del self._running.iserver.aspace[self._tags[tag].node_id]

    async def remake(self, tag: str) -> None:
        """A node that was deleted is there again, as it was; whoever watched the old one hears nothing of it."""
        await self._make(tag)

    def limit_queue(self, size: int) -> None:
        """Revise queue sizes of items created from now on; values dropped from a queue over 1 set the overflow bit."""
        self.manners.queue_limit = size

    def shift_clock(self, seconds: float) -> None:
        """The PLC's clock jumps."""
        self._clock_shift += timedelta(seconds=seconds)

    # -- power

    async def restart(
        self, *, shift_namespace: int = 0, without: tuple[str, ...] = (), keep_sessions: bool = False
    ) -> None:
        """Power off and on. `shift_namespace` other namespaces come first now, each with a node of every tag's name and
        another value; tags in `without` exist no more. Values stay as they were.

        Sessions and subscriptions are gone, unless they are persisted (`keep_sessions`; namespaces and tags stay then).
        """
        if keep_sessions:
            self.drop_connections()
            await self._running.iserver.begin_anew()
            return
        await self.stop()
        for tag in without:
            self._tags.pop(tag)
        await self.start(shift_namespace=shift_namespace)

    async def stop(self) -> None:
        """Power off: connections are closed, new ones are closed at once."""
        self._relay.cut()
        self._relay.refuse()
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def start(self, *, shift_namespace: int = 0) -> None:
        """Power on."""
        server = await make_server("opc.tcp://127.0.0.1:0/strict/", MeanInternalServer(self.manners, self._past))
        if self._certificates is not None:
            await self._secure(server, self._certificates)
        decoys = [await server.register_namespace(f"urn:lineside:strict:other:{n}") for n in range(shift_namespace)]
        self._index = await server.register_namespace(self.namespace)
        for index, tag in itertools.product(decoys, self._tags):
            await server.nodes.objects.add_variable(ua.NodeId(tag, index), f"{index}:{tag}", DECOY)
        await server.start()
        self._server = server
        for tag, known in self._tags.items():
            known.node_id = ua.NodeId(tag, self._index)
            await self._make(tag)
        assert server.bserver is not None
        self._relay.lead_to(server.bserver.port)
        self._relay.refuse(False)

    async def renew_certificate(self) -> None:
        """The certificate has run out: restarted with another one, of another key."""
        assert self._certificates is not None, "this server has no certificate"
        for file in self._certificates.iterdir():
            file.unlink()
        await self.restart()

    async def _secure(self, server: Server, folder: Path) -> None:
        key, certificate = folder / "key.pem", folder / "certificate.der"
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        await setup_self_signed_certificate(key, certificate, APPLICATION, "localhost", uses, {})
        await server.set_application_uri(APPLICATION)
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        await server.load_certificate(str(certificate))
        await server.load_private_key(str(key))

    @property
    def _running(self) -> Server:
        assert self._server is not None, "the server is stopped"
        return self._server

    async def _make(self, tag: str) -> None:
        known = self._tags[tag]
        kind = ua.VariantType[known.data_type]
        variable = await self._running.nodes.objects.add_variable(
            known.node_id, f"{self._index}:{tag}", known.value, kind
        )
        await variable.set_writable()
        if tag in self.manners.past.tags:
            await self._say_history(tag)
        await self.write(tag, known.value)
