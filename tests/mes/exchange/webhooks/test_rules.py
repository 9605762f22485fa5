"""What is wanted, what an address may be, when it is tried again; signatures as another library sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from mes.exchange.feed.rules import fault_of_types, is_wanted
from mes.exchange.webhooks import rules
from mes.exchange.webhooks.types import WebhookSpec
from mes.kernel import addresses

JUDGES: Final = (("standardwebhooks", None),)


@pytest.mark.parametrize(
    ("event_type", "wanted", "answer"),
    [
        ("orders.job-ended.v1", ("*",), True),
        ("orders.job-ended.v1", ("orders.*",), True),
        ("orders.job-ended.v1", ("orders.job-ended.v1",), True),
        ("orders.job-ended.v1", ("orders.job-ended.v2", "quality.*"), False),
        ("orders.job-ended.v1", (), False),
        ("access.token-created.v1", ("*",), False),
        ("edge.bridge-silent.v1", ("*",), False),
        ("access.token-created.v1", ("access.*",), True),
        ("ordersx.job.v1", ("orders.*",), False),
    ],
)
def test_what_is_wanted(event_type: str, wanted: tuple[str, ...], answer: bool) -> None:
    assert is_wanted(event_type, wanted) is answer


@pytest.mark.parametrize("types", [(), ("orders",), ("orders.job-ended",), ("Orders.*",), ("*.*",), ("*",) * 51])
def test_what_is_no_list_of_types(types: tuple[str, ...]) -> None:
    assert fault_of_types(types)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::a00:1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert addresses.is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example/",
        "hooks.example",
        "https://",
        "https://user@hooks.example/",
        "https://hooks.example/#part",
        "https://hooks.example/a b",
        "https://hooks.example/ä",
        "https://hooks.example:99999/",
        "https://hooks.example:0/",
        "https://[::1/",
        "https://127.0.0.1/",
        "https://[fd00::1]/",
        "http://hooks.example/",
        "https://hooks.example/" + "a" * 2_000,
        "https://hooks.example/\n",
        "https://hooks..example/",
        "https://" + "a" * 64 + ".example/",
        "https://*/",
        "https://a%2e/",
        "https://[v1.a]/",
        "https://" + "a." * 130 + "example/",
    ],
)
def test_what_is_no_address_for_a_webhook(url: str) -> None:
    assert rules.fault_of(WebhookSpec("h", url, ("*",)))


def test_the_plants_own_network_has_to_be_allowed() -> None:
    for url in (
        "http://10.0.0.5:8069/hook",
        "https://127.0.0.1/",
        "http://erp.local/",
        "http://erp_1:8069/",
        "https://[::1]/",
    ):
        assert rules.fault_of(WebhookSpec("h", url, ("*",), private_addresses=True)) == ""
    assert rules.fault_of(WebhookSpec("h", "https://hooks.example/a?b=c", ("*",))) == ""


@given(n=st.text(max_size=100))
def test_another_library_finds_the_signature_right_and_notices_a_change(n: str) -> None:
    old, new = rules.secret_text(b"o" * 32), rules.secret_text(b"n" * 32)
    now_s, body = int(datetime.now(UTC).timestamp()), orjson.dumps({"n": n.encode("utf-8", "replace").decode()})
    headers = {
        "webhook-id": "0190-a",
        "webhook-timestamp": str(now_s),
        "webhook-signature": rules.signatures([new, old], message_id="0190-a", timestamp_s=now_s, body=body),
    }
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == orjson.loads(body)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(rules.secret_text(b"x" * 32)).verify(body, headers)


@given(failures=st.integers(1, 60), asked=st.none() | st.integers(0, 10**7))
def test_waiting_grows_to_a_day_and_heeds_the_receiver(failures: int, asked: int | None) -> None:
    this = rules.next_attempt_us(0, failures, asked)
    assert this <= 24 * 3_600 * 1_000_000
    assert this >= min(asked or 0, 24 * 3_600) * 1_000_000
    assert rules.next_attempt_us(0, failures) <= rules.next_attempt_us(0, failures + 1)
