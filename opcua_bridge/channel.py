"""One connection to one machine server: the only module that touches asyncua's client.

asyncua's own supervisor, reconnect, subscriptions and publish loop are not used: they lose values (measured, see
docs/operate/bridge.md). This module opens socket, secure channel and session, and offers the services one by one; each
answer's StatusCode is checked here or handed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from asyncua import Client, ua
from asyncua.client.client import UaClientState
from asyncua.crypto.uacrypto import CertProperties

from opcua_bridge.admission import admit
from opcua_bridge.browse_path import OWN, STANDARD, has_path, split_address, split_step
from opcua_bridge.certificate_facts import certificate_ends_us
from opcua_bridge.credentials import Credentials, credentials_of
from opcua_bridge.decoder import Decoder, Message, Published, Undecodable, decode_history, is_publish_response
from opcua_bridge.offers import NONE_URI, POLICIES, Offer, check_untouched, chosen
from opcua_bridge.own_certificate import OwnCertificate
from opcua_bridge.refusals import PasswordInClear, SecretMissing
from opcua_bridge.tag_map import NODE, Endpoint, Security
from opcua_bridge.trust import Trust
from opcua_bridge.values import EVENT_FIELDS, to_us

HANDSHAKE_TIMEOUT_S: Final = 4.0
REQUEST_TIMEOUT_S: Final = 10.0
SESSION_TIMEOUT_MS: Final = 3_600_000
CHUNK: Final = 500
"""Nodes per request, where the server states no smaller limit (S7-1500 take 500 to 1000)."""
REVOKED_WITHIN_S: Final = 2.0
"""How often to look whether the server's certificate is still approved."""
SUBSCRIPTION_GONE: Final = (ua.StatusCodes.BadSubscriptionIdInvalid, ua.StatusCodes.BadNoSubscription)
SESSION_GONE: Final = frozenset(
    {
        ua.StatusCodes.BadSessionIdInvalid,
        ua.StatusCodes.BadSessionClosed,
        ua.StatusCodes.BadSessionNotActivated,
        ua.StatusCodes.BadIdentityTokenInvalid,
        ua.StatusCodes.BadIdentityTokenRejected,
        ua.StatusCodes.BadApplicationSignatureInvalid,
        ua.StatusCodes.BadUserSignatureInvalid,
        ua.StatusCodes.BadSecurityChecksFailed,
        ua.StatusCodes.BadUserAccessDenied,
        ua.StatusCodes.BadNonceInvalid,
        ua.StatusCodes.BadInternalError,  # asyncua's word for a wrong signature
    }
)
"""What a server answers to whoever takes up a session it does not have, or one whose last answer was lost."""
WHOLE_PATH: Final = 0xFFFFFFFF
"""RemainingPathIndex of a target at the very end of its path."""
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")
_STATUS_NODES: Final = (
    ua.ObjectIds.Server_ServerStatus_StartTime,
    ua.ObjectIds.Server_ServerStatus_CurrentTime,
    ua.ObjectIds.Server_NamespaceArray,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
)

_ENCRYPTING: Final = frozenset(policy.URI for policy in POLICIES.values())
_OWNER: Final = {
    "ActiveState": ua.ObjectIds.AlarmConditionType,
    "AckedState": ua.ObjectIds.AcknowledgeableConditionType,
}


@dataclass(frozen=True)
class ServerStatus:
    start_us: int | None
    now_us: int | None
    namespaces: tuple[str, ...]
    items_per_call: int
    nodes_per_read: int


@dataclass(frozen=True)
class ItemRequest:
    """A tag or notifier to be monitored."""

    handle: int
    node: str
    queue_size: int
    is_events: bool = False
    active: str = ""
    """For events: `nsu=<uri>;<name>` of the field that says whether it is active."""


@dataclass(frozen=True)
class ItemAnswer:
    handle: int
    status: int
    item_id: int = 0
    queue_size: int = 0
    sampling_ms: float = 0.0


class UnknownNamespace(LookupError):
    """The machine's server has no such namespace (now)."""


class UnresolvedPath(LookupError):
    """A browse path leads to no node, or to several."""


async def in_chunks(
    asked: Sequence[_Asked],
    step: int,
    call: Callable[[Sequence[_Asked]], Awaitable[list[_Answer]]],
    learned: Callable[[int], None] = lambda _: None,
) -> list[_Answer]:
    """The answers to all of it, at most `step` in a request; fewer where the server says BadTooManyOperations, which
    `learned` is told."""
    answers: list[_Answer] = []
    step = max(1, step)
    while len(answers) < len(asked):
        chunk = asked[len(answers) : len(answers) + step]
        try:
            answered = await call(chunk)
        except ua.UaStatusCodeError as error:
            if error.code != ua.StatusCodes.BadTooManyOperations or len(chunk) == 1:
                raise
            step = max(1, len(chunk) // 2)
            learned(step)
            continue
        if len(answered) != len(chunk):
            raise ConnectionError(f"the server gave {len(answered)} answers to {len(chunk)} questions")
        answers += answered
    return answers


class Channel:
    """Socket, secure channel and session with one endpoint. Not for use after `close`."""

    def __init__(
        self, endpoint: Endpoint, trust: Trust, *, decoder: Decoder | None = None, own: OwnCertificate | None = None
    ) -> None:
        """`own`: show this certificate in place of the one in use."""
        self._endpoint, self._trust, self._own = endpoint, trust, own
        self.decoder = decoder or Decoder()
        self._client = Client(endpoint.url, timeout=REQUEST_TIMEOUT_S)
        self._client.name = "Lineside bridge"
        self._client.description = f"lineside-bridge {endpoint.name}"
        self._client.session_timeout = SESSION_TIMEOUT_MS
        self._credentials = Credentials()
        self._taken: Offer | None = None
        self.warnings: tuple[str, ...] = ()
        """What is wrong with the server's certificate or our secrets, and not refused."""
        self.status = ServerStatus(None, None, (STANDARD,), CHUNK, CHUNK)
        self._at_path: dict[str, ua.NodeId] = {}

    # --------------------------------------------------------------- lifecycle

    async def open(self) -> None:
        """Socket, hello, secure channel. OSError, TimeoutError or ua.UaError if the server is not to be reached,
        SecurityRefusal if it may not be connected to like this."""
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S * 2):
            await self._secure()
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            await self._connect()

    async def _connect(self) -> None:
        await self._client.connect_socket()
        await asyncio.sleep(0)
        protocol = self._client.uaclient.protocol
        if protocol is None or protocol.transport is None:
            raise ConnectionError("closed right after it was accepted")
        await self._client.send_hello()
        with _faults_told(protocol):
            await self._client.open_secure_channel()

    async def _offered(self) -> list[ua.EndpointDescription]:
        """What the server offers, over a connection without security that is closed again."""
        await self._connect()
        try:
            offered = await self._client.get_endpoints()
            await self._client.close_secure_channel()
            return offered
        finally:
            self._client.disconnect_socket()

    async def _secure(self) -> None:
        self._client.application_uri = self._trust.own.application_uri
        await self._take_credentials()
        if self._endpoint.security is Security.none:
            return
        offered = await self._offered()
        self._taken = offer = chosen(self._endpoint, offered, self._trust.secured(self._endpoint.url))
        if offer is None:
            self.warnings += ("the connection is not encrypted: the server offers nothing else",)
            return
        self._admit(offer.certificate, offer.application_uri)
        own = self._own if self._own is not None else await asyncio.to_thread(self._trust.own.current)
        await self._client.set_security(
            POLICIES[offer.policy],
            CertProperties(own.certificate, "der"),
            CertProperties(own.key, "pem"),
            server_certificate=CertProperties(offer.certificate, "der"),
            mode=ua.MessageSecurityMode[offer.mode],
        )

    def _admit(self, certificate: bytes, application_uri: str) -> None:
        self.warnings += admit(self._trust, self._endpoint, certificate, application_uri)

    async def _take_credentials(self) -> None:
        self._credentials = known = await asyncio.to_thread(credentials_of, self._endpoint)
        self.warnings += known.warnings
        if known.username:
            self._client.set_user(known.username)
            self._client.set_password(known.password)
        if known.certificate:
            try:
                pem = "pem" if known.certificate.startswith(b"-----") else "der"
                await self._client.load_client_certificate(known.certificate, pem)
                await self._client.load_private_key(known.key, extension="pem")
            except (ValueError, TypeError) as error:
                raise SecretMissing(f"the user's certificate or key cannot be read: {error}") from error

    @property
    def security(self) -> str:
        """Policy and mode, or `none`."""
        policy = self._client.security_policy
        if policy.URI == NONE_URI:
            return "none"
        return f"{policy.URI.rpartition('#')[2].replace('_', '')} {policy.Mode.name}"

    async def resume(self, token: str, nonce: bytes) -> bool:
        """Take up the session of an earlier connection or process. False if the server has none such any more."""
        endpoints = await self._client.get_endpoints()
        policy = self._client.security_policy
        found = Client.find_endpoint(endpoints, policy.Mode, policy.URI)
        self._client._policy_ids = found.UserIdentityTokens
        self._client._server_nonce = nonce or None
        self._client.uaclient.session.restore_authentication_token(ua.NodeId.from_string(token))
        try:
            await self._activate(endpoints)
        except ua.UaStatusCodeError as error:
            if error.code not in SESSION_GONE:
                raise
            self._client.uaclient.session.reset_authentication_token()
            return False
        return True

    async def create_session(self) -> None:
        created = await self._client.create_session()
        await self._activate(created.ServerEndpoints)

    async def _activate(self, endpoints: Sequence[ua.EndpointDescription]) -> None:
        """`endpoints`: as they came through the channel."""
        if self._taken is not None:
            check_untouched(self._endpoint, self._taken, endpoints)
        self._guard_password(endpoints)
        client, user = self._client, self._credentials
        await client.activate_session(user.username, user.password, client.user_certificate)
        if self._taken is not None:
            taken = self._taken
            self._trust.note_secured(
                self._endpoint.url, policy=taken.policy, mode=taken.mode, certificate=taken.certificate
            )

    def _guard_password(self, endpoints: Sequence[ua.EndpointDescription]) -> None:
        """A password goes encrypted, to a certificate that is approved; PasswordInClear or UntrustedServer else."""
        policy = self._client.security_policy
        if not self._credentials.password or policy.Mode is ua.MessageSecurityMode.SignAndEncrypt:
            return
        self._client._policy_ids = sorted(
            self._client._policy_ids, key=lambda p: (p.SecurityPolicyUri or policy.URI) not in _ENCRYPTING
        )
        if self._client.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri not in _ENCRYPTING:
            if not self._endpoint.password_in_clear:
                raise PasswordInClear(
                    "the server takes the password unencrypted only; if that is to be, set password_in_clear = true"
                )
            self.warnings += ("the password goes over the network readable",)
        elif policy.URI == NONE_URI:
            uri = next((e.Server.ApplicationUri for e in endpoints), "")
            self._admit(policy.peer_certificate or b"", uri)

    @property
    def token(self) -> str:
        return self._client.uaclient.session.authentication_token.to_string()

    @property
    def nonce(self) -> bytes:
        return self._client._server_nonce or b""

    @property
    def server_certificate_ends_us(self) -> int | None:
        """End of the validity of the server's certificate; None without one."""
        return certificate_ends_us(self._client.security_policy.peer_certificate or b"")

    @property
    def session_timeout_s(self) -> float:
        return self._client.session_timeout / 1000

    @property
    def is_open(self) -> bool:
        return self._client.uaclient.state is UaClientState.CONNECTED

    def close(self) -> None:
        """Drop the socket. The session stays, so that nothing is lost until we are back."""
        self._client.uaclient.disconnect_socket()

    async def leave(self) -> None:
        """Close session and socket for good."""
        try:
            await self._client.uaclient.close_session(True)
            await self._client.close_secure_channel()
        finally:
            self.close()

    async def keep_channel(self) -> None:
        """Renew the secure channel's keys for ever, at 75 % of their lifetime (OPC 10000-4 clause 5.5.2). Raises
        UntrustedServer once somebody has revoked the server's certificate."""
        while True:
            renew_at = time.monotonic() + self._client.secure_channel_timeout / 1000 * 0.75
            while (left_s := renew_at - time.monotonic()) > 0:
                await asyncio.sleep(min(left_s, REVOKED_WITHIN_S))
                self._check_still_trusted()
            await self._client.open_secure_channel(renew=True)
            self._client.uaclient.revolve_security_token()

    def _check_still_trusted(self) -> None:
        if self._taken is not None and not self._trust.is_trusted(self._taken.certificate):
            self._admit(self._taken.certificate, self._taken.application_uri)

    # ------------------------------------------------------------------- nodes

    async def read_status(self) -> ServerStatus:
        """Start and clock of the server, its namespaces and its limits. Read anew on every session."""
        values = await self._read([ua.NodeId(n) for n in _STATUS_NODES])
        start, now, spaces, per_call, per_read = [v.Value.Value if v.Value is not None else None for v in values]
        self.status = ServerStatus(
            start_us=to_us(start),
            now_us=to_us(now),
            namespaces=tuple(spaces or ()),
            items_per_call=min(per_call or CHUNK, CHUNK),
            nodes_per_read=min(per_read or CHUNK, CHUNK),
        )
        return self.status

    @property
    def namespaces(self) -> tuple[str, ...]:
        """URIs, by the index the server uses at present."""
        return self.status.namespaces

    async def read_clock(self) -> int | None:
        """The server's clock now; None if it does not say."""
        value = (await self._read([ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)]))[0].Value
        return to_us(value.Value) if value is not None else None

    def node_id(self, node: str) -> ua.NodeId:
        """`nsu=<uri>;s=<name>` -> the id the server uses at present. UnknownNamespace if it has no such namespace,
        UnresolvedPath for a browse path that `resolve` found nothing at."""
        if has_path(node):
            if node not in self._at_path:
                raise UnresolvedPath(node)
            return self._at_path[node]
        found = NODE.match(node)
        if found is None:
            raise ValueError(f"not a node: {node!r}")
        space, local = found["space"], f"{found['kind']}={found['key']}"
        if not space:
            return ua.NodeId.from_string(local)
        return ua.NodeId.from_string(f"ns={self._index(space.removeprefix('nsu='))};{local}")

    def _index(self, uri: str) -> int:
        if uri == OWN and len(self.status.namespaces) > 1:
            return 1
        if uri not in self.status.namespaces:
            raise UnknownNamespace(uri)
        return self.status.namespaces.index(uri)

    def node_name(self, node_id: ua.NodeId) -> str:
        """The id as it is written in a tag map."""
        local = node_id.to_string().rpartition("ns=" + str(node_id.NamespaceIndex) + ";")[2]
        if not node_id.NamespaceIndex or node_id.NamespaceIndex >= len(self.status.namespaces):
            return local
        return f"nsu={self.status.namespaces[node_id.NamespaceIndex]};{local}"

    async def read(self, nodes: Sequence[str]) -> list[ua.DataValue]:
        """The current values, in order; a node that is not there has a bad status."""
        await self.resolve([n for n in nodes if n not in self._at_path])
        known: dict[int, ua.NodeId] = {}
        missing = ua.DataValue(None, StatusCode=ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown))
        for index, node in enumerate(nodes):
            try:
                known[index] = self.node_id(node)
            except LookupError:
                continue
        values = dict(zip(known, await self._read(list(known.values())), strict=True))
        return [values.get(index, missing) for index in range(len(nodes))]

    async def _read(
        self, ids: list[ua.NodeId], attribute: ua.AttributeIds = ua.AttributeIds.Value
    ) -> list[ua.DataValue]:
        async def read(chunk: Sequence[ua.NodeId]) -> list[ua.DataValue]:
            params = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Both)
            params.NodesToRead = [ua.ReadValueId(NodeId=i, AttributeId=ua.IntegerId(attribute)) for i in chunk]
            return await self._client.uaclient.session.read(params)

        def learned(most: int) -> None:
            self.status = replace(self.status, nodes_per_read=most)

        return await in_chunks(ids, self.status.nodes_per_read, read, learned)

    async def read_ids(self, ids: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """The same for ids the server has just told us."""
        return await self._read(list(ids))

    async def read_history(
        self,
        ids: Sequence[ua.NodeId],
        window: tuple[datetime, datetime],
        *,
        values: int,
        points: Sequence[bytes | None] | None = None,
        release: bool = False,
    ) -> list[ua.HistoryReadResult]:
        """One HistoryRead of raw values (OPC 10000-11 clause 6.5.3): [from, to), oldest first, at most `values` of each
        node in one answer, without bounding values: those were told, or are. The caller keeps to the server's limits.

        `points`: go on at these continuation points; `release`: nothing, the server may forget them."""
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=window[0],
            EndTime=window[1],
            NumValuesPerNode=ua.Counter(values),
            ReturnBounds=False,
        )
        nodes = [
            ua.HistoryReadValueId(NodeId=node, ContinuationPoint=point)
            for node, point in zip(ids, points or [None] * len(ids), strict=True)
        ]
        request = ua.HistoryReadRequest()
        request.Parameters = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=release,
            NodesToRead=nodes,
        )
        results = decode_history(await self._answer(request))
        if len(results) != len(nodes) and not release:
            raise Undecodable(f"the server gave {len(results)} answers to {len(nodes)} questions")
        return results

    async def write(self, values: Sequence[tuple[str, Any, ua.VariantType]]) -> list[int]:
        """Write in one request; the StatusCode of each, in order."""
        params = ua.WriteParameters()
        params.NodesToWrite = [
            ua.WriteValue(
                NodeId=self.node_id(node),
                AttributeId=ua.IntegerId(ua.AttributeIds.Value),
                Value=ua.DataValue(ua.Variant(value, kind)),
            )
            for node, value, kind in values
        ]
        return [int(s.value) for s in await self._client.uaclient.session.write(params)]

    async def members(self, node: ua.NodeId) -> list[ua.ReferenceDescription]:
        """Variables and methods below a node."""
        return await self._references(node, ua.NodeClass.Variable | ua.NodeClass.Method)

    async def supertype(self, data_type: ua.NodeId) -> ua.NodeId | None:
        """The type that this one is a kind of; None if the server does not say."""
        found = await self._references(
            data_type, ua.NodeClass.DataType, reference=ua.ObjectIds.HasSubtype, direction=ua.BrowseDirection.Inverse
        )
        return ua.NodeId(found[0].NodeId.Identifier, found[0].NodeId.NamespaceIndex) if found else None

    async def definitions(self, data_types: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """DataTypeDefinition of each, in order; those without one have a bad status."""
        return await self._read(list(data_types), ua.AttributeIds.DataTypeDefinition)

    async def call(self, target: ua.NodeId, method: ua.NodeId, arguments: Sequence[ua.Variant]) -> ua.CallMethodResult:
        """Call one method; its StatusCode and what it returned are in the answer."""
        request = ua.CallMethodRequest(ObjectId=target, MethodId=method, InputArguments=list(arguments))
        results = await self._client.uaclient.session.call([request])
        return results[0]

    async def _references(
        self,
        node: ua.NodeId,
        classes: int,
        *,
        reference: int = ua.ObjectIds.HierarchicalReferences,
        direction: ua.BrowseDirection = ua.BrowseDirection.Forward,
    ) -> list[ua.ReferenceDescription]:
        """All references of a node, of one kind, to nodes of some classes."""
        description = ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=direction,
            ReferenceTypeId=ua.NodeId(reference),
            IncludeSubtypes=True,
            NodeClassMask=classes,
            ResultMask=ua.BrowseResultMask.All,
        )
        result = (await self.browse([description], references=1_000))[0]
        found = list(result.References or [])
        while result.ContinuationPoint:
            result = (await self.browse_next([result.ContinuationPoint]))[0]
            found += result.References or []
        return found

    async def read_attribute(self, ids: Sequence[ua.NodeId], attribute: ua.AttributeIds) -> list[ua.DataValue]:
        """One attribute of each, in order, as the server answers."""
        return await self._read(list(ids), attribute)

    async def browse(self, asked: Sequence[ua.BrowseDescription], *, references: int) -> list[ua.BrowseResult]:
        """One Browse request: the caller keeps to the server's limits and releases the continuation points.
        `references`: how many are wanted of each node at a time; 0: as many as the server likes."""
        params = ua.BrowseParameters(NodesToBrowse=list(asked), RequestedMaxReferencesPerNode=ua.Counter(references))
        return await self._client.uaclient.session.browse(params)

    async def browse_next(self, points: Sequence[bytes], *, release: bool = False) -> list[ua.BrowseResult]:
        """What follows at these continuation points; `release`: nothing, the server may forget them."""
        params = ua.BrowseNextParameters(ReleaseContinuationPoints=release, ContinuationPoints=list(points))
        return await self._client.uaclient.session.browse_next(params)

    async def resolve(self, nodes: Sequence[str]) -> None:
        """Ask for the ids of those that are browse paths; `node_id` knows them from now on, for this connection."""
        paths = {}
        for node in nodes:
            if has_path(node):
                self._at_path.pop(node, None)
                with contextlib.suppress(UnknownNamespace):
                    paths[node] = self._browse_path(node)
        answers = await in_chunks(list(paths.values()), CHUNK, self._translate)
        for node, answer in zip(paths, answers, strict=True):
            whole = [t for t in answer.Targets or () if t.RemainingPathIndex == WHOLE_PATH]
            if answer.StatusCode.is_good() and len(whole) == 1:
                target = whole[0].TargetId
                self._at_path[node] = ua.NodeId(target.Identifier, target.NamespaceIndex)

    async def _translate(self, paths: Sequence[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        return await self._client.uaclient.session.translate_browsepaths_to_nodeids(list(paths))

    def _browse_path(self, node: str) -> ua.BrowsePath:
        start, steps = split_address(node)
        elements = [
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                IsInverse=False,
                IncludeSubtypes=True,
                TargetName=self._qualified(step),
            )
            for step in steps
        ]
        return ua.BrowsePath(StartingNode=self.node_id(start), RelativePath=ua.RelativePath(Elements=elements))

    def _qualified(self, step: str) -> ua.QualifiedName:
        space, name = split_step(step)
        return ua.QualifiedName(name, self._index(space.removeprefix("nsu=") or STANDARD))

    # ----------------------------------------------------------- subscriptions

    async def create_subscription(self, endpoint: Endpoint) -> ua.CreateSubscriptionResult:
        interval = endpoint.publishing_interval_ms
        params = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=interval,
            RequestedLifetimeCount=ua.Counter(int(endpoint.lifetime_s * 1000 / interval)),
            RequestedMaxKeepAliveCount=ua.Counter(max(1, int(endpoint.keep_alive_s * 1000 / interval))),
            MaxNotificationsPerPublish=ua.Counter(0),
            PublishingEnabled=True,
            Priority=ua.Byte(0),
        )
        session = self._client.uaclient.session
        result = await session.create_subscription(params, lambda _result: None)
        if session._publish_task is not None:  # asyncua's own loop acknowledges before anything is on disk
            session._publish_task.cancel()
        return result

    async def delete_subscription(self, subscription_id: int) -> None:
        await self._client.uaclient.session.delete_subscriptions([subscription_id])

    async def subscription_alive(self, subscription_id: int, *, transfer: bool) -> bool:
        """Whether the server still has this subscription for us; `transfer`: bring it over from another session."""
        session = self._client.uaclient.session
        if transfer:
            params = ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription_id], SendInitialValues=False)
            try:
                answer = (await session.transfer_subscriptions(params))[0]
            except ua.UaStatusCodeError:
                return False
            if not (answer.StatusCode.is_good() or answer.StatusCode.value == ua.StatusCodes.BadNothingToDo):
                return False
        mode = ua.SetPublishingModeParameters(PublishingEnabled=True, SubscriptionIds=[subscription_id])
        try:
            return bool((await session.set_publishing_mode(mode))[0].is_good())
        except ua.UaStatusCodeError as error:
            if error.code in SUBSCRIPTION_GONE:
                return False
            raise

    async def create_items(self, subscription_id: int, requests: Sequence[ItemRequest]) -> list[ItemAnswer]:
        """Monitor nodes, in chunks the server can take. Every StatusCode is in the answer."""
        await self.resolve([r.node for r in requests])
        answers: list[ItemAnswer] = []
        step = max(1, self.status.items_per_call)
        position = 0
        while position < len(requests):
            chunk = requests[position : position + step]
            try:
                answers += await self._create_chunk(subscription_id, chunk)
            except ua.UaStatusCodeError as error:
                if error.code != ua.StatusCodes.BadTooManyOperations or step == 1:
                    raise
                step = max(1, step // 2)
                continue
            position += len(chunk)
        return answers

    async def _create_chunk(self, subscription_id: int, requests: Sequence[ItemRequest]) -> list[ItemAnswer]:
        answers, asked = [], []
        for request in requests:
            try:
                asked.append((request, self._create_request(request)))
            except LookupError:
                answers.append(ItemAnswer(request.handle, ua.StatusCodes.BadNodeIdUnknown))
        if not asked:
            return answers
        params = ua.CreateMonitoredItemsParameters(
            SubscriptionId=ua.IntegerId(subscription_id),
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=[r for _, r in asked],
        )
        results = await self._client.uaclient.session.create_monitored_items(params)
        for (request, _), result in zip(asked, results, strict=True):
            answers.append(
                ItemAnswer(
                    request.handle,
                    int(result.StatusCode.value),
                    int(result.MonitoredItemId),
                    int(result.RevisedQueueSize),
                    float(result.RevisedSamplingInterval),
                )
            )
        return answers

    def _create_request(self, request: ItemRequest) -> ua.MonitoredItemCreateRequest:
        attribute = ua.AttributeIds.EventNotifier if request.is_events else ua.AttributeIds.Value
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=self.node_id(request.node), AttributeId=ua.IntegerId(attribute)),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=ua.IntegerId(request.handle),
                SamplingInterval=0.0,
                QueueSize=ua.Counter(request.queue_size),
                DiscardOldest=True,
                Filter=_event_filter(self._field(request.active)) if request.is_events else None,
            ),
        )

    def _field(self, name: str) -> ua.QualifiedName | None:
        if not name:
            return None
        space, _, field = name.rpartition(";")
        return ua.QualifiedName(field, self._index(space.removeprefix("nsu=")))

    async def delete_items(self, subscription_id: int, item_ids: Sequence[int]) -> None:
        params = ua.DeleteMonitoredItemsParameters(
            SubscriptionId=ua.IntegerId(subscription_id), MonitoredItemIds=list(item_ids)
        )
        await self._client.uaclient.session.delete_monitored_items(params)

    async def publish(self, subscription_id: int, acks: Sequence[int]) -> Published:
        """Wait for the next notification message. ua.UaStatusCodeError as the server answers."""
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=ua.IntegerId(subscription_id), SequenceNumber=ua.Counter(n))
            for n in acks
        ]
        return self.decoder.publish(await self._publish_answer(request))

    async def republish(self, subscription_id: int, sequence: int) -> Message | None:
        """A message sent before and not acknowledged, or None if the server has it no more.

        asyncua's server answers Good with an empty message where the standard says BadMessageNotAvailable.
        """
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = ua.IntegerId(subscription_id)
        request.Parameters.RetransmitSequenceNumber = ua.Counter(sequence)
        try:
            message = self.decoder.republish(await self._answer(request))
        except (ua.uaerrors.BadMessageNotAvailable, ua.uaerrors.BadSubscriptionIdInvalid, Undecodable):
            return None
        if message.sequence != sequence or not message.has_data:
            return None
        return message

    async def _answer(self, request: Any) -> bytes:
        """The undecoded answer (asyncua 2.1.0 has no public way to it; tests/opcua_bridge/test_decoder.py holds it)."""
        return bytes(await self._client.uaclient.session._send_request(request))

    async def _publish_answer(self, request: ua.PublishRequest) -> bytes:
        """However long it takes. Without what asyncua 2.1.0 wraps around each request; there is no public way."""
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionError("there is no connection")
        answer = await protocol._send_request(request, timeout=0)
        if not is_publish_response(body := bytes(answer)):
            protocol.check_answer(answer, " in response to Publish")
        return body


@contextlib.contextmanager
def _faults_told(protocol: Any) -> Iterator[None]:
    """asyncua takes a ServiceFault for a broken OpenSecureChannelResponse and fails with an assertion; here it is an
    error with the server's StatusCode."""
    process = protocol._process_received_message

    def checked(message: Any) -> None:
        if isinstance(message, ua.Message):
            protocol.check_answer(message.body(), " in response to OpenSecureChannel")
        process(message)

    protocol._process_received_message = checked
    try:
        yield
    finally:
        del protocol._process_received_message


def _event_filter(active: ua.QualifiedName | None) -> ua.EventFilter:
    clauses = []
    for path in EVENT_FIELDS:
        operand = ua.SimpleAttributeOperand()
        operand.TypeDefinitionId = ua.NodeId(_OWNER[path[0]] if len(path) > 1 else ua.ObjectIds.BaseEventType)
        operand.AttributeId = ua.IntegerId(ua.AttributeIds.Value)
        operand.BrowsePath = [ua.QualifiedName(name, 0) for name in path]
        if active is not None and path[0] == "ActiveState":
            operand.TypeDefinitionId, operand.BrowsePath = ua.NodeId(ua.ObjectIds.BaseEventType), [active]
        clauses.append(operand)
    return ua.EventFilter(SelectClauses=clauses)
