"""Whom the bridge trusts, what it shows of itself, and which of the offered securities it takes: rules and files."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asyncua import ua

from opcua_bridge.certificate_facts import Flaw, facts, flaws, leaf, thumbprint
from opcua_bridge.certificate_notes import notes_of
from opcua_bridge.cli import main
from opcua_bridge.offers import POLICIES, Offer, check_untouched, chosen
from opcua_bridge.own_certificate import RENEW_DAYS, VALID_DAYS, OwnCertificates
from opcua_bridge.refusal_words import CERTIFICATE_CODES, USER_CODES, is_refusal, retry_s, words_of
from opcua_bridge.refusals import NotOffered, PasswordInClear, UntrustedServer
from opcua_bridge.tag_map import Endpoint, Security
from opcua_bridge.trust import MAX_REJECTED, Secured, Trust, TrustState, UnknownCertificate
from standards.lineside.health_v1 import MAX_CERTIFICATES, BridgeHealth, certificate_days, decode_health, encode
from tests.opcua_bridge.certificates import made_certificate
from tests.opcua_bridge.support import environment

URL = "opc.tcp://press.example:4840/"
DAY = timedelta(days=1)


def a_certificate(folder: Path, **options: Any) -> bytes:
    return made_certificate(folder, **options).certificate.read_bytes()


# ------------------------------------------------------------------ what a certificate says


def test_the_first_of_a_chain_is_the_servers(tmp_path: Path) -> None:
    one, two = a_certificate(tmp_path / "1"), a_certificate(tmp_path / "2")
    assert leaf(one + two) == leaf(one) == one


@pytest.mark.parametrize("content", [b"", b"0", b"hello", b"\x30\x82\x01\x00short"])
def test_what_is_no_certificate_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ValueError):
        leaf(content)


@pytest.mark.parametrize(
    ("options", "host", "uri", "flaw", "words"),
    [
        ({"begins_in": -9 * DAY, "ends_in": -1 * DAY}, "press", "urn:p", Flaw.expired, "it expired on 20"),
        ({"begins_in": 1 * DAY}, "press", "urn:p", Flaw.not_yet_valid, "is a clock wrong?"),
        ({}, "lathe", "urn:p", Flaw.wrong_host, "made out for press and 192.0.2.7, not for lathe"),
        ({}, "press", "urn:l", Flaw.wrong_application_uri, "the application urn:p, the server calls itself urn:l"),
    ],
)
def test_each_flaw_is_told_in_its_own_words(
    tmp_path: Path, options: dict[str, Any], host: str, uri: str, flaw: Flaw, words: str
) -> None:
    content = a_certificate(tmp_path, application_uri="urn:p", hosts=("press", "192.0.2.7"), **options)
    found = flaws(facts(content), host=host, application_uri=uri, now=datetime.now(UTC))
    assert list(found) == [flaw]
    assert words in found[flaw]


@pytest.mark.parametrize("host", ["PRESS", "192.0.2.7", "127.0.0.1", "localhost", "::1"])
def test_a_sound_certificate_has_no_flaw(tmp_path: Path, host: str) -> None:
    content = a_certificate(tmp_path, application_uri="urn:p", hosts=("press", "192.0.2.7"))
    assert flaws(facts(content), host=host, application_uri="urn:p", now=datetime.now(UTC)) == {}


@pytest.mark.parametrize(
    ("left", "level"),
    [(31 * DAY, None), (30 * DAY, 30), (8 * DAY, 30), (7 * DAY, 7), (2 * DAY, 7), (1 * DAY, 1), (0 * DAY, 0)],
)
def test_the_end_is_announced_30_7_and_1_days_before(tmp_path: Path, left: timedelta, level: int | None) -> None:
    content = facts(a_certificate(tmp_path))
    assert content.warning_level(content.ends_at - left) == level


# ---------------------------------------------------------------------- trust store


def test_a_person_decides_and_may_change_their_mind(tmp_path: Path) -> None:
    trust, content = Trust(tmp_path), a_certificate(tmp_path / "made")
    mark = thumbprint(content)
    assert trust.state(mark) is None
    assert not trust.approve(mark)
    assert trust.remember_rejected(content, endpoint="press", url=URL, application_uri="urn:p") == mark
    steps = [
        (trust.reject, TrustState.refused),
        (trust.approve, TrustState.trusted),
        (trust.revoke, TrustState.revoked),
        (trust.approve, TrustState.trusted),
    ]
    assert trust.state(mark) is TrustState.waiting
    assert trust.waiting() == [mark]
    for decide, state in steps:
        before = trust.snapshot()
        assert decide(mark)
        assert trust.state(mark) is state
        assert trust.waiting() == []
        assert trust.is_trusted(content) is (state is TrustState.trusted)
        assert (trust.snapshot() != before) is (state is not TrustState.refused)
    assert not trust.reject(mark), "what is trusted is revoked, not rejected"
    about = trust.about(mark)
    assert (about.endpoint, about.url, about.application_uri) == ("press", URL, "urn:p")
    assert about.first_seen_at <= about.decided_at


def test_a_file_moved_by_hand_is_a_decision_too(tmp_path: Path) -> None:
    trust, content = Trust(tmp_path), a_certificate(tmp_path / "made")
    mark = trust.remember_rejected(content)
    trust.approve(mark)
    (tmp_path / "trusted" / f"{mark}.der").rename(tmp_path / "rejected" / f"{mark}.der")
    assert trust.state(mark) is TrustState.waiting


def test_the_list_has_what_a_person_needs_and_begins_with_what_waits(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    first, second = a_certificate(tmp_path / "1", name="a"), a_certificate(tmp_path / "2", name="b")
    trust.approve(trust.remember_rejected(first))
    trust.remember_rejected(second, endpoint="press", url=URL)
    (tmp_path / "rejected" / f"{'0' * 64}.der").write_bytes(b"rubbish")
    waiting, trusted = trust.known()
    assert (waiting.state, waiting.subject, waiting.about.url) == (TrustState.waiting, "CN=b", URL)
    assert (trusted.state, trusted.subject, trusted.thumbprint) == (TrustState.trusted, "CN=a", thumbprint(first))
    assert (trusted.days_left, trusted.application_uris) == (99, ("urn:test:secured",))


def test_a_changed_certificate_is_known_to_replace_the_old_one(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    old, new = a_certificate(tmp_path / "1"), a_certificate(tmp_path / "2")
    trust.note_secured(URL, policy="Basic256Sha256", mode="Sign", certificate=old)
    assert trust.about(trust.remember_rejected(new, url=URL)).replaces == thumbprint(old)
    assert trust.about(trust.remember_rejected(new, url="opc.tcp://other:1/")).application_uri == ""


def test_a_thumbprint_may_be_shortened_as_long_as_it_is_one(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    mark = trust.remember_rejected(a_certificate(tmp_path / "made"))
    colons = ":".join(mark[n : n + 2].upper() for n in range(0, 64, 2))
    assert trust.find(mark[:8]) == trust.find(colons) == mark
    (tmp_path / "rejected" / f"{mark[:20]}{'0' * 44}.der").write_bytes(b"")
    for wanted, words in ((mark[:7], "at least 8"), ("0" * 8, "no certificate"), (mark[:8], "2 certificates begin")):
        with pytest.raises(UnknownCertificate, match=words):
            trust.find(wanted)


def test_a_server_that_always_shows_another_certificate_does_not_fill_the_disk(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    for number in range(MAX_REJECTED + 5):
        trust.remember_rejected(b"%d" % number)
    assert len(list((tmp_path / "rejected").iterdir())) == MAX_REJECTED


# ------------------------------------------------------------------- own certificate


def test_the_own_certificate_is_made_once_for_this_application(tmp_path: Path) -> None:
    own = OwnCertificates(tmp_path)
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(own.current().certificate)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    again = OwnCertificates(tmp_path).current()
    assert again.certificate == made[0]
    assert again.application_uri.startswith("urn:")
    assert again.application_uri.endswith(":lineside:bridge")
    assert again.facts.days_left(datetime.now(UTC)) in (VALID_DAYS, VALID_DAYS - 1)
    [key] = tmp_path.glob("*.pem")
    assert key.stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_a_certificate_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    made = made_certificate(tmp_path, name="certificate")
    made.key.rename(tmp_path / "key.pem")
    own = OwnCertificates(tmp_path).current()
    assert (own.certificate, own.key) == (made.certificate.read_bytes(), (tmp_path / "key.pem").read_bytes())
    (tmp_path / "key.pem").unlink()
    with pytest.raises(ValueError, match=r"key of .* is gone"):
        OwnCertificates(tmp_path).current()


def test_the_next_one_is_made_in_time_and_the_old_one_kept(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    own = OwnCertificates(tmp_path, now=lambda: now)
    old = own.current()
    assert not own.is_due()
    now += (VALID_DAYS - RENEW_DAYS + 1) * DAY
    assert own.is_due()
    following = own.prepare_next()
    assert own.prepare_next() == following
    assert not own.is_due()
    assert own.current() == old, "in use until the next one is"
    assert following.application_uri == old.application_uri
    assert following.key != old.key
    own.promote()
    assert own.current() == following
    assert own.next() is None
    assert (tmp_path / f"old-{old.facts.thumbprint}.der").read_bytes() == old.certificate
    with pytest.raises(ValueError, match="no next"):
        own.promote()


# ----------------------------------------------------------------------------- offers


def offered(*offers: tuple[str, str]) -> list[ua.EndpointDescription]:
    """Policy (as its URI ends) and mode."""
    return [
        ua.EndpointDescription(
            SecurityPolicyUri=f"http://opcfoundation.org/UA/SecurityPolicy#{policy}",
            SecurityMode=ua.MessageSecurityMode["None_" if mode == "None" else mode],
            ServerCertificate=b"\x30\x00",
            Server=ua.ApplicationDescription(ApplicationUri="urn:p"),
        )
        for policy, mode in offers
    ]


NONE, RSA15 = ("None", "None"), ("Basic128Rsa15", "SignAndEncrypt")
B256, A128 = ("Basic256Sha256", "SignAndEncrypt"), ("Aes128_Sha256_RsaOaep", "SignAndEncrypt")
A256, A256_SIGN = ("Aes256_Sha256_RsaPss", "SignAndEncrypt"), ("Aes256_Sha256_RsaPss", "Sign")
AUTO = Endpoint(name="press", url=URL)


@pytest.mark.parametrize(
    ("offers", "taken"),
    [
        ([NONE, B256, A256, A128], "Aes256Sha256RsaPss SignAndEncrypt"),
        ([A256_SIGN, B256], "Basic256Sha256 SignAndEncrypt"),
        ([B256, A128], "Aes128Sha256RsaOaep SignAndEncrypt"),
        ([NONE, A256_SIGN], "Aes256Sha256RsaPss Sign"),
        ([NONE, RSA15], "None"),
    ],
)
def test_the_best_offer_is_taken_where_nothing_is_asked_for(offers: list[tuple[str, str]], taken: str) -> None:
    assert str(chosen(AUTO, offered(*offers), None)) == taken


def test_deprecated_policies_are_never_taken() -> None:
    with pytest.raises(NotOffered, match="deprecated"):
        chosen(AUTO, offered(RSA15), None)
    assert {policy.URI.rpartition("#")[2] for policy in POLICIES.values()} == {A256[0], A128[0], B256[0]}


@pytest.mark.parametrize(
    ("mode", "offers", "refused"),
    [
        ("SignAndEncrypt", [NONE], True),
        ("SignAndEncrypt", [NONE, A256_SIGN], True),
        ("SignAndEncrypt", [NONE, B256], False),
        ("Sign", [NONE, A256_SIGN], False),
        ("Sign", [NONE], True),
    ],
)
def test_once_secured_never_weaker(mode: str, offers: list[tuple[str, str]], *, refused: bool) -> None:
    before = Secured(URL, "Aes256Sha256RsaPss", mode, "00", "2026-01-01")
    if not refused:
        assert chosen(AUTO, offered(*offers), before)
        return
    with pytest.raises(NotOffered, match=r"write security = \"none\""):
        chosen(AUTO, offered(*offers), before)


def test_what_is_asked_for_is_taken_or_nothing() -> None:
    asked = msgspec.structs.replace(AUTO, security=Security.aes128)
    assert str(chosen(asked, offered(B256, A128), None)) == "Aes128Sha256RsaOaep SignAndEncrypt"
    with pytest.raises(
        NotOffered, match=r"does not offer Aes128Sha256RsaOaep SignAndEncrypt; it offers Basic256Sha256"
    ):
        chosen(asked, offered(NONE, B256), None)


def test_a_list_of_offers_that_was_shortened_on_the_way_is_noticed() -> None:
    taken = chosen(AUTO, offered(NONE, B256), None)
    assert isinstance(taken, Offer)
    check_untouched(AUTO, taken, offered(NONE, B256))
    with pytest.raises(NotOffered, match="changed on the way"):
        check_untouched(AUTO, taken, offered(NONE, B256, A256))
    check_untouched(msgspec.structs.replace(AUTO, security=Security.basic256sha256), taken, offered(B256, A256))


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("code", [*CERTIFICATE_CODES, *USER_CODES])
def test_no_refusal_of_the_server_is_tried_again_soon(code: int) -> None:
    error = ua.UaStatusCodeError(code)
    assert is_refusal(error)
    assert words_of(error).endswith(f"({ua.StatusCode(code).name})")
    assert retry_s(error, 1) >= 10
    assert retry_s(error, 100) <= 300


def test_every_bad_certificate_of_opc_ua_has_its_words() -> None:
    named = {code for name, code in vars(ua.StatusCodes).items() if name.startswith("BadCertificate")}
    assert named <= set(CERTIFICATE_CODES)


def test_a_wrong_password_is_tried_more_seldom_than_accounts_are_locked() -> None:
    denied = ua.UaStatusCodeError(ua.StatusCodes.BadUserAccessDenied)
    assert [retry_s(denied, n) for n in (1, 2, 3, 4, 5)] == [30, 60, 120, 240, 300]
    assert [retry_s(UntrustedServer("00"), n) for n in (1, 2, 3, 4)] == [10, 20, 40, 60]
    assert retry_s(PasswordInClear(), 1) == 30
    for other in (ConnectionError("away"), ua.UaStatusCodeError(ua.StatusCodes.BadTimeout)):
        assert not is_refusal(other)


# -------------------------------------------------------------------------------- CLI


def trust_command(folder: Path, *arguments: str) -> int:
    with environment({"LINESIDE_BRIDGE_TRUST_FOLDER": str(folder)}):
        return main(["trust", *arguments])


def test_the_command_line_lists_and_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "trust"
    trust = Trust(folder)
    mark = trust.remember_rejected(a_certificate(tmp_path / "made", name="press"), endpoint="press", url=URL)
    assert trust_command(folder, "list") == 0
    told = capsys.readouterr().out
    for words in (f"{mark}  waiting", "CN=press", "99 days left", URL, "1 certificates, 1 waiting"):
        assert words in told
    for action, state in (("approve", "trusted"), ("revoke", "revoked"), ("reject", "refused")):
        assert trust_command(folder, action, mark[:12]) == 0
        assert trust.state(mark) == state
    assert trust_command(folder, "revoke", mark) == 1
    assert "there is nothing to revoke" in capsys.readouterr().err
    assert trust_command(folder, "approve", "0123456789") == 1
    assert "no certificate has been seen" in capsys.readouterr().err
    assert trust_command(folder, "list", "--json") == 0
    [line] = msgspec.json.decode(capsys.readouterr().out)
    assert (line["thumbprint"], line["state"], line["about"]["endpoint"]) == (mark, "refused", "press")


def test_the_command_line_hands_out_and_renews_the_own_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "trust", tmp_path / "bridge.der"
    assert trust_command(folder, "own", "--out", str(out)) == 0
    assert thumbprint(out.read_bytes()) in capsys.readouterr().out
    assert trust_command(folder, "renew") == 0
    following = Trust(folder).own.next()
    assert following is not None
    assert following.facts.thumbprint in capsys.readouterr().out
    assert trust_command(folder, "own", "--out", str(out)) == 0
    assert out.read_bytes() == following.certificate


def test_the_health_document_tells_of_certificates_with_their_flaws(tmp_path: Path) -> None:
    """Also of one that ends in 9999, and without claiming flaws of an address it was never seen at."""
    trust = Trust(tmp_path / "trust")
    aeon = timedelta(days=365 * 7_000)
    seen = made_certificate(tmp_path, name="seen", hosts=("elsewhere",), ends_in=aeon).certificate.read_bytes()
    over = made_certificate(tmp_path, name="over", begins_in=-2 * DAY, ends_in=-DAY).certificate.read_bytes()
    mark = trust.remember_rejected(
        seen, endpoint="press", url="opc.tcp://press.example:4840/", application_uri="urn:test:secured"
    )
    trust.remember_rejected(over)
    trust.approve(mark)
    notes = {note.thumbprint: note for note in notes_of(trust.known_lately(), trust.now())}
    assert notes[mark].state == "trusted"
    assert notes[mark].flaws == ["wrong-host"]
    assert (notes[mark].subject, notes[mark].application_uri) == ("CN=seen", "urn:test:secured")
    assert certificate_days(notes[mark].ends_us, notes[mark].begins_us) > 20_000
    [waiting] = [note for note in notes.values() if note.state == "waiting"]
    assert (waiting.flaws, waiting.endpoint) == (["expired"], "")
    health = BridgeHealth(at_us=1, certificates=list(notes.values()))
    assert decode_health(encode(health)) == health
    trust.revoke(mark)
    assert {note.state for note in notes_of(trust.known_lately(), trust.now())} == {"revoked", "waiting"}


def test_at_most_so_many_certificates_are_told_of(tmp_path: Path) -> None:
    known = Trust(tmp_path / "trust")
    known.remember_rejected(made_certificate(tmp_path).certificate.read_bytes())
    assert len(notes_of(known.known() * 100, known.now())) == MAX_CERTIFICATES
