"""The decoder: equal to asyncua's on whatever a server may send, and never wrong where it cannot decode."""

from __future__ import annotations

import struct
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

import opcua_bridge.decoder as decoder_module
from opcua_bridge.decoder import (
    Changed,
    Decoder,
    Undecodable,
    decode_publish,
    decode_publish_slowly,
    decode_republish,
    decode_republish_slowly,
    probe,
)
from opcua_bridge.values import BAD_OUT_OF_RANGE

KIND = ua.VariantType
WHEN = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)


def instants(first: int, last: int) -> st.SearchStrategy[datetime]:
    """From one year's beginning to another's."""
    ends = (datetime(year, 1, 2, tzinfo=UTC).replace(tzinfo=None) for year in (first, last))
    return st.datetimes(*ends, timezones=st.just(UTC))


times = st.none() | instants(1601, 2300)
statuses = st.none() | st.sampled_from([0, 0x40000000, 0x480, 0x80310000]) | st.integers(0, 2**32 - 1)


def scalar_of(kind: ua.VariantType) -> st.SearchStrategy[Any]:
    signed = {KIND.SByte: 8, KIND.Int16: 16, KIND.Int32: 32, KIND.Int64: 64}
    unsigned = {KIND.Byte: 8, KIND.UInt16: 16, KIND.UInt32: 32, KIND.UInt64: 64}
    if kind in signed:
        return st.integers(-(2 ** (signed[kind] - 1)), 2 ** (signed[kind] - 1) - 1)
    if kind in unsigned:
        return st.integers(0, 2 ** unsigned[kind] - 1)
    text = st.text(max_size=20)
    return {
        KIND.Boolean: st.booleans(),
        KIND.Float: st.floats(width=32),
        KIND.Double: st.floats(),
        KIND.String: st.none() | text | st.just("x" * 5_000),
        KIND.DateTime: instants(1601, 2300),
        KIND.Guid: st.uuids() | st.just(uuid.UUID(int=0)),
        KIND.ByteString: st.none() | st.binary(max_size=20),
        KIND.NodeId: st.builds(ua.NodeId, text, st.integers(0, 9)) | st.builds(ua.NodeId, st.integers(0, 2**32 - 1)),
        KIND.StatusCode: st.builds(ua.StatusCode, st.integers(0, 2**32 - 1)),
        KIND.QualifiedName: st.builds(ua.QualifiedName, text, st.integers(0, 9)),
        KIND.LocalizedText: st.builds(ua.LocalizedText, text, st.none() | st.just("en")),
        KIND.ExtensionObject: st.builds(ua.Range, st.floats(-9, 9), st.floats(-9, 9)),
    }[kind]


KINDS = [kind for kind in KIND if 1 <= kind.value <= 22 and kind not in (KIND.XmlElement, KIND.ExpandedNodeId)]


@st.composite
def variants(draw: st.DrawFn) -> ua.Variant:
    kind = draw(st.sampled_from(KINDS))
    if draw(st.integers(0, 9)) == 0:
        return ua.Variant(draw(st.lists(scalar_of(kind), max_size=5)), kind, is_array=True)
    if draw(st.integers(0, 30)) == 0:
        return ua.Variant([[1, 2], [3, 4]], KIND.Int32, Dimensions=[2, 2])
    return ua.Variant(draw(scalar_of(kind)), kind)


def data_value(variant: ua.Variant | None, status: int | None, source: Any, server: Any) -> ua.DataValue:
    code = None if status is None else ua.StatusCode(status)
    value = ua.DataValue(variant, code, SourceTimestamp=source, ServerTimestamp=server)
    if variant is None:
        object.__setattr__(value, "Value", None)
    return value


items = st.builds(
    lambda handle, value: ua.MonitoredItemNotification(ClientHandle=ua.IntegerId(handle), Value=value),
    st.integers(0, 2**32 - 1),
    st.builds(data_value, st.none() | variants(), statuses, times, times),
)
alike = st.builds(
    lambda values, server: [
        ua.MonitoredItemNotification(
            ClientHandle=ua.IntegerId(n), Value=data_value(ua.Variant(v, KIND.Double), None, WHEN, server)
        )
        for n, v in enumerate(values)
    ],
    st.lists(st.floats(), max_size=20),
    st.sampled_from([None, WHEN]),
)
events = st.builds(
    lambda fields: ua.EventNotificationList(
        Events=[ua.EventFieldList(ClientHandle=ua.IntegerId(1), EventFields=fields)]
    ),
    st.lists(variants(), max_size=4),
)
endings = st.builds(lambda code: ua.StatusChangeNotification(Status=ua.StatusCode(code)), st.integers(0, 2**32 - 1))
parts = st.builds(lambda found: ua.DataChangeNotification(MonitoredItems=found), st.lists(items, max_size=12) | alike)


@st.composite
def messages(draw: st.DrawFn) -> ua.NotificationMessage:
    return ua.NotificationMessage(
        SequenceNumber=ua.Counter(draw(st.integers(0, 2**32 - 1))),
        PublishTime=draw(instants(1990, 2100)),
        NotificationData=draw(st.lists(parts | events | endings, max_size=3)),
    )


@st.composite
def responses(draw: st.DrawFn) -> ua.PublishResponse:
    response = ua.PublishResponse()
    response.ResponseHeader.Timestamp = WHEN
    response.Parameters.SubscriptionId = ua.IntegerId(draw(st.integers(0, 2**32 - 1)))
    response.Parameters.AvailableSequenceNumbers = draw(st.lists(st.integers(0, 2**32 - 1), max_size=4))
    response.Parameters.MoreNotifications = draw(st.booleans())
    response.Parameters.NotificationMessage = draw(messages())
    response.Parameters.Results = [ua.StatusCode(0)] * draw(st.integers(0, 2))
    return response


def plain(found: Any) -> Any:
    """Columns and lists compared by content; an omitted column is one of zeros."""
    message = found.message if hasattr(found, "message") else found
    changes = [
        (
            list(c.handles),
            list(c.kinds),
            list(c.values),
            list(c.statuses) or [0] * len(c.handles),
            list(c.sources) or [0] * len(c.handles),
            list(c.servers) or [0] * len(c.handles),
        )
        for c in message.changes
    ]
    rest = (list(found.available), found.more, found.subscription_id) if hasattr(found, "message") else ()
    return replace(message, changes=[]), changes, rest


@given(responses())
def test_a_publish_response_is_what_asyncua_makes_of_it(response: ua.PublishResponse) -> None:
    body = struct_to_binary(response)
    assert plain(decode_publish(body)) == plain(decode_publish_slowly(body))


@given(messages())
def test_so_is_a_message_asked_for_again(message: ua.NotificationMessage) -> None:
    response = ua.RepublishResponse()
    response.NotificationMessage = message
    body = struct_to_binary(response)
    assert plain(decode_republish(body)) == plain(decode_republish_slowly(body))


@given(responses(), st.data())
def test_a_cut_or_damaged_response_is_an_error_or_what_asyncua_makes_of_it(
    response: ua.PublishResponse, data: st.DataObject
) -> None:
    body = bytearray(struct_to_binary(response))
    if data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body) - 1)) :]
    else:
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode_publish(bytes(body))
    except Exception:
        return
    try:
        expected = decode_publish_slowly(bytes(body))
    except Exception:
        return
    assert plain(found)[2] == plain(expected)[2]


@st.composite
def runs_of_alike_messages(draw: st.DrawFn) -> list[bytes]:
    """The same items in the same order, now and then with one thing changed."""
    kinds = draw(st.lists(st.sampled_from([KIND.Double, KIND.Int32, KIND.Boolean, KIND.String]), min_size=20))
    handles = list(range(1, len(kinds) + 1))
    found = []
    for _ in range(draw(st.integers(3, 6))):
        what = draw(st.sampled_from(["same"] * 4 + ["status", "type", "longer", "handle", "fewer", "no time"]))
        place = draw(st.integers(0, len(kinds) - 1))
        source = None if what == "no time" else WHEN
        rows = []
        for number, (handle, kind) in enumerate(zip(handles, kinds, strict=True)):
            own = KIND.UInt16 if what == "type" and number == place else kind
            text = "é1234" + "x" * (what == "longer")
            value = {KIND.String: text, KIND.Boolean: True, KIND.Double: draw(st.floats())}.get(own, 7)
            status = 0x80310000 if what == "status" and number == place else None
            rows.append(
                ua.MonitoredItemNotification(
                    ClientHandle=ua.IntegerId(99 if what == "handle" and number == place else handle),
                    Value=data_value(ua.Variant(value, own), status, source, WHEN),
                )
            )
        response = ua.PublishResponse()
        response.Parameters.NotificationMessage.NotificationData = [
            ua.DataChangeNotification(MonitoredItems=rows[: place + 1] if what == "fewer" else rows)
        ]
        found.append(bytes(struct_to_binary(response)))
    return found


@given(runs_of_alike_messages())
def test_what_was_remembered_of_earlier_messages_changes_nothing(bodies: list[bytes]) -> None:
    changed = Changed()
    for body in bodies:
        assert plain(decode_publish(body, changed)) == plain(decode_publish_slowly(body))


def test_items_that_repeat_are_read_in_one_go() -> None:
    changed = Changed()
    for value in (1.0, 2.0, 3.0):
        body = b"".join(struct.pack("<IBBdq", n, 5, 11, value, 1_000) for n in range(50))
        found = changed.decode(body, 0, 50)
        assert (list(found.values), list(found.sources)) == ([value] * 50, [1_000] * 50)
    assert changed.decode(body, 0, 50).handles is found.handles


def test_picoseconds_stand_where_the_standard_has_them() -> None:
    item = struct.pack("<IBBdqHqH", 5, 0b111101, 11, 2.5, 1_000, 7, 2_000, 8)
    found = Changed().decode(item, 0, 1)
    assert (found.values, found.sources, found.servers) == ((2.5,), (1_000,), (2_000,))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_a_bad_value_among_good_ones(value: float) -> None:
    body = b"".join(struct.pack("<IBBd", n, 1, 11, v) for n, v in enumerate((1.0, value, 1e308, 1e308)))
    found = Changed().decode(body, 0, 4)
    assert list(found.values) == [1.0, None, 1e308, 1e308]
    assert list(found.statuses) == [0, BAD_OUT_OF_RANGE, 0, 0]


def test_a_claim_of_four_billion_values_costs_nothing() -> None:
    body = struct.pack("<IBBd", 1, 1, 11, 1.0)
    with pytest.raises(struct.error):
        Changed().decode(body, 0, 2**31 - 1)


def test_without_a_publish_time_the_newest_time_of_the_values_is_taken() -> None:
    response = ua.PublishResponse()
    message = response.Parameters.NotificationMessage
    message.PublishTime = datetime(1601, 1, 1, tzinfo=UTC)
    later = WHEN + timedelta(seconds=3)
    message.NotificationData = [
        ua.DataChangeNotification(
            MonitoredItems=[
                ua.MonitoredItemNotification(
                    ClientHandle=ua.IntegerId(n), Value=data_value(ua.Variant(n, KIND.Int32), None, WHEN, at)
                )
                for n, at in enumerate((WHEN, later, WHEN))
            ]
        )
    ]
    body = struct_to_binary(response)
    assert decode_publish(body).message.publish_us == int(later.timestamp()) * 1_000_000
    assert decode_publish_slowly(body).message.publish_us == int(later.timestamp()) * 1_000_000


def test_an_error_answered_is_raised_as_such() -> None:
    response = ua.PublishResponse()
    response.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadNoSubscription)
    with pytest.raises(ua.uaerrors.BadNoSubscription):
        Decoder().publish(struct_to_binary(response))


def test_the_asyncua_at_hand_is_one_the_decoder_agrees_with() -> None:
    assert probe() == ""


def test_with_an_asyncua_it_does_not_agree_with_everything_is_decoded_by_that(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = dict(decoder_module._PLANS)
    wrong[13 | 11 << 8] = wrong[13 | 10 << 8]
    wrong[15 | 11 << 8] = wrong[15 | 10 << 8]
    monkeypatch.setattr(decoder_module, "_PLANS", wrong)
    found = Decoder()
    response = ua.PublishResponse()
    response.Parameters.NotificationMessage.NotificationData = [
        ua.DataChangeNotification(
            MonitoredItems=[
                ua.MonitoredItemNotification(
                    ClientHandle=ua.IntegerId(1), Value=data_value(ua.Variant(2.5, KIND.Double), None, WHEN, WHEN)
                )
            ]
        )
    ]
    assert list(found.publish(struct_to_binary(response)).message.changes[0].values) == [2.5]
    assert (found.problem != "", found.slowly) == (True, 1)
    assert "decoded by asyncua" in caplog.text


def test_an_unusual_response_is_decoded_by_asyncua_and_counted() -> None:
    response = ua.PublishResponse()
    response.ResponseHeader.StringTable = ["a", "b"]
    response.Parameters.SubscriptionId = ua.IntegerId(4)
    found = Decoder()
    assert found.publish(struct_to_binary(response)).subscription_id == 4
    assert found.slowly == 1
    assert found.problem == ""


def test_what_nobody_can_read_is_an_error() -> None:
    with pytest.raises(Undecodable):
        Decoder().publish(b"\x01\x00\x3d\x03\x00")


def test_text_that_is_not_utf_8_is_readable_all_the_same() -> None:
    body = struct.pack("<IBBi", 1, 1, 12, 3) + b"a\xffb"
    assert list(Changed().decode(body, 0, 1).values) == ["a\ufffdb"]
