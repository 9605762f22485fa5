"""Attempts against a real receiver: what goes out, what came of it, and where it never goes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from mes.exchange.webhooks.rules import secret_text
from mes.exchange.webhooks.sending import ANSWER_MAX, Sender
from mes.exchange.webhooks.service import IN_HAND_OF_PLANT_MAX
from mes.exchange.webhooks.types import Message, OutcomeKind
from mes.kernel.vault import Vault
from tests.mes.exchange.webhooks.receiver import receiving

JUDGES: Final = (("standardwebhooks", None),)

SECRET = secret_text(b"k" * 32)
VAULT = Vault([Fernet.generate_key()])
NAME = "hooks.example"


def message(url: str, *, private: bool = True) -> Message:
    sealed = (VAULT.seal(SECRET),)
    return Message(1, 1, url, private, sealed, "0190-a", "orders.job-ended.v1", 7, "job/1", '{"n":1}', 10**15)


async def test_what_is_sent_is_signed_and_says_everything() -> None:
    async with receiving() as receiver, Sender(VAULT) as sender:
        outcome = await sender.send(message(receiver.url))
        assert (outcome.kind, outcome.status) == (OutcomeKind.delivered, 204)
        (came,) = receiver.came
        assert came.path == "/hook?a=1"
        assert came.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert Webhook(SECRET).verify(came.body.decode(), came.headers) == {
            "type": "orders.job-ended.v1",
            "timestamp": "2001-09-09T01:46:40+00:00",
            "seq": 7,
            "subject": "job/1",
            "data": {"n": 1},
        }


@pytest.mark.parametrize(
    ("answer", "kind", "said", "retry_after_s"),
    [
        ("200 OK\n\nfine", OutcomeKind.delivered, "", None),
        ("500 Broken\n\nno \x07 <b>luck</b>", OutcomeKind.refused, "no <b>luck</b>", None),
        ("404 Not Found", OutcomeKind.refused, "", None),
        ("302 Found\nLocation: http://127.0.0.1:1/", OutcomeKind.refused, "", None),
        ("410 Gone", OutcomeKind.gone, "", None),
        ("429 Slow\nRetry-After: 120", OutcomeKind.unreachable, "", 120),
        ("503 Away\nRetry-After: tomorrow", OutcomeKind.unreachable, "", None),
    ],
)
async def test_what_an_answer_means(answer: str, kind: OutcomeKind, said: str, retry_after_s: int | None) -> None:
    async with receiving(lambda _: answer) as receiver, Sender(VAULT) as sender:
        outcome = await sender.send(message(receiver.url))
        assert (outcome.kind, outcome.said, outcome.retry_after_s) == (kind, said, retry_after_s)
        assert len(receiver.came) == 1


async def test_an_endless_answer_is_not_read() -> None:
    async with receiving(lambda _: "500 Much\n\n" + "x" * 50 * ANSWER_MAX) as receiver, Sender(VAULT) as sender:
        assert len((await sender.send(message(receiver.url))).said) == 200


async def test_who_does_not_answer_is_unreachable() -> None:
    async with receiving() as receiver, Sender(VAULT, attempt_s=0.2) as sender:
        receiver.delay_s = 5
        outcome = await sender.send(message(receiver.url))
        assert (outcome.kind, outcome.said) == (OutcomeKind.unreachable, "No answer within 0.2 s.")
    async with Sender(VAULT) as sender:
        outcome = await sender.send(message(f"http://127.0.0.1:{receiver.port}/"))
        assert (outcome.kind, outcome.status) == (OutcomeKind.unreachable, 0)


async def test_slow_receivers_of_some_plants_hold_up_no_other() -> None:
    async with receiving() as slow, receiving() as good, Sender(VAULT) as sender:
        slow.delay_s = 60
        waiting = [asyncio.create_task(sender.send(message(slow.url))) for _ in range(4 * IN_HAND_OF_PLANT_MAX)]
        async with asyncio.timeout(10):
            while len(slow.came) < len(waiting):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert (await sender.send(message(good.url))).kind is OutcomeKind.delivered
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_a_name_that_leads_inside_is_not_followed() -> None:
    asked: list[str] = []

    async def inside(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34", "127.0.0.1"]

    async with receiving() as receiver, Sender(VAULT, resolve=inside) as sender:
        outcome = await sender.send(message(f"https://{NAME}:{receiver.port}/", private=False))
        assert outcome.kind is OutcomeKind.unreachable
        assert "private address" in outcome.said
        assert (asked, receiver.came) == ([NAME], [])


async def test_a_name_without_address_is_said() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError

    async with Sender(VAULT, resolve=nowhere) as sender:
        assert NAME in (await sender.send(message(f"https://{NAME}/", private=False))).said


async def test_a_secret_sealed_elsewhere_is_said() -> None:
    async with receiving() as receiver, Sender(Vault([Fernet.generate_key()])) as sender:
        outcome = await sender.send(message(receiver.url))
        assert "replace it" in outcome.said
        assert receiver.came == []


async def test_the_certificate_is_that_of_the_name_though_the_address_was_looked_up_before(tmp_path: Path) -> None:
    """One name resolves to two addresses; nobody listens at the first. The second shows the name's certificate."""

    async def two(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    server, client = _tls(tmp_path, NAME)
    async with receiving(tls=server) as receiver, Sender(VAULT, resolve=two, tls=client) as sender:
        outcome = await sender.send(message(f"https://{NAME}:{receiver.port}/"))
        assert outcome.kind is OutcomeKind.delivered
        assert receiver.came[0].headers["host"] == f"{NAME}:{receiver.port}"
        receiver.answer = lambda _: "500 Broken\n\nread to its end, so that the connection could be used again"
        assert (await sender.send(message(f"https://{NAME}:{receiver.port}/"))).kind is OutcomeKind.refused
        other = await sender.send(message(f"https://other.example:{receiver.port}/"))
        assert other.kind is OutcomeKind.unreachable
        assert len(receiver.came) == 2


def _tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
