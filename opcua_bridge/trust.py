"""Whom the bridge trusts: the approved certificates of machine servers, and what it has seen of the others.

The folder has `own/` (see own_certificate), `trusted/` and `rejected/` with one DER file per server certificate, named
by its SHA-256 thumbprint, `about/` with when and where each was seen and what was decided, and `secured/` with how each
server was last connected to, so that nobody can talk the bridge out of encryption. Approving is moving a file from
`rejected/` to `trusted/`: whatever does it, a running bridge sees it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from opcua_bridge.certificate_facts import CertificateFacts, facts, thumbprint
from opcua_bridge.clock import utc_now
from opcua_bridge.own_certificate import OwnCertificates

THUMBPRINT: Final = re.compile(r"^[0-9a-f]{64}$")
MIN_PREFIX: Final = 8
"""Hex digits of a thumbprint that are enough where no other begins the same."""
MAX_REJECTED: Final = 200
"""A server that shows another certificate at every try does not fill the disk."""


class TrustState(StrEnum):
    trusted = "trusted"
    waiting = "waiting"
    """Seen, and nobody has decided yet."""
    refused = "refused"
    """Somebody has said no."""
    revoked = "revoked"
    """Was trusted, until somebody took it back."""


class UnknownCertificate(LookupError):
    """No certificate with this thumbprint has been seen, or several."""


class About(msgspec.Struct, omit_defaults=True):
    """When and where a certificate was seen, and what was decided. Instants are ISO 8601, UTC."""

    endpoint: str = ""
    url: str = ""
    application_uri: str = ""
    first_seen_at: str = ""
    last_seen_at: str = ""
    decision: str = ""
    decided_at: str = ""
    replaces: str = ""
    """Thumbprint of the certificate that the same server showed before."""


class Secured(msgspec.Struct, frozen=True):
    """How a server was connected to last, with security."""

    url: str
    policy: str
    mode: str
    thumbprint: str
    at: str


class KnownCertificate(msgspec.Struct, frozen=True):
    """One line of the list that a person decides on."""

    thumbprint: str
    state: TrustState
    subject: str
    issuer: str
    begins_at: str
    ends_at: str
    days_left: int
    application_uris: tuple[str, ...]
    hosts: tuple[str, ...]
    about: About


class Trust:
    """`own`: the bridge's own certificates. Files are small; only making a key takes time."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = utc_now, strict: bool = False) -> None:
        self._folder, self.now, self.strict = folder, now, strict
        self.own = OwnCertificates(folder / "own", now=now)
        self._waiting: tuple[tuple[int, ...], list[str]] = ((), [])
        self._known: tuple[tuple[int, ...], list[KnownCertificate]] = ((), [])

    # ------------------------------------------------------ servers' certificates

    def is_trusted(self, certificate: bytes) -> bool:
        return self._file("trusted", thumbprint(certificate)).is_file()

    def remember_rejected(
        self, certificate: bytes, *, endpoint: str = "", url: str = "", application_uri: str = ""
    ) -> str:
        """Keep it for somebody to look at; answers its thumbprint."""
        mark = thumbprint(certificate)
        file = self._file("rejected", mark)
        if certificate and not file.exists() and self._has_room():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(certificate)
        if file.exists():
            self._note_seen(mark, endpoint, url, application_uri)
        return mark

    def _has_room(self) -> bool:
        return sum(1 for _ in (self._folder / "rejected").glob("*.der")) < MAX_REJECTED

    def _note_seen(self, mark: str, endpoint: str, url: str, application_uri: str) -> None:
        about = self.about(mark)
        now = self._instant()
        about.first_seen_at, about.last_seen_at = about.first_seen_at or now, now
        about.endpoint, about.url, about.application_uri = endpoint, url, application_uri
        before = self.secured(url)
        if before is not None and before.thumbprint != mark:
            about.replaces = before.thumbprint
        self._write_json("about", mark, about)

    def state(self, mark: str) -> TrustState | None:
        """None if it has never been seen."""
        if self._file("trusted", mark).is_file():
            return TrustState.trusted
        if not self._file("rejected", mark).is_file():
            return None
        decided = {str(s): s for s in (TrustState.refused, TrustState.revoked)}
        return decided.get(self.about(mark).decision, TrustState.waiting)

    def approve(self, mark: str) -> bool:
        """Trust a certificate seen before. False if none with this thumbprint has been seen."""
        return self._decide(mark, "rejected", "trusted", TrustState.trusted)

    def reject(self, mark: str) -> bool:
        """Say no: it is no longer waiting. False if it was not waiting."""
        if self.state(mark) is TrustState.trusted:
            return False
        return self._decide(mark, "rejected", "rejected", TrustState.refused)

    def revoke(self, mark: str) -> bool:
        """Take trust back; a connection that is there ends within seconds. False if it was not trusted."""
        if self.state(mark) is not TrustState.trusted:
            return False
        return self._decide(mark, "trusted", "rejected", TrustState.revoked)

    def _decide(self, mark: str, source: str, target: str, decision: str) -> bool:
        if not THUMBPRINT.match(mark):
            return False
        there, wanted = self._file(source, mark), self._file(target, mark)
        if not there.is_file() and not wanted.is_file():
            return False
        about = self.about(mark)
        about.decision, about.decided_at = decision, self._instant()
        self._write_json("about", mark, about)
        if there.is_file():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            there.replace(wanted)
        return True

    def find(self, beginning: str) -> str:
        """The thumbprint that begins like this. UnknownCertificate if there is none, or more than one."""
        wanted = beginning.strip().lower().replace(":", "").replace(" ", "")
        if len(wanted) < MIN_PREFIX:
            raise UnknownCertificate(f"give at least {MIN_PREFIX} digits of the thumbprint")
        found = sorted({f.stem for k in ("trusted", "rejected") for f in (self._folder / k).glob(f"{wanted}*.der")})
        if len(found) != 1:
            several = f"{len(found)} certificates begin" if found else "no certificate has been seen that begins"
            raise UnknownCertificate(f"{several} with {wanted}")
        return found[0]

    def known(self) -> list[KnownCertificate]:
        """All certificates of servers seen so far, those that wait for a decision first."""
        files = [f for kind in ("rejected", "trusted") for f in sorted((self._folder / kind).glob("*.der"))]
        found = [self._known_of(file) for file in files]
        return sorted((k for k in found if k is not None), key=lambda k: (k.state is not TrustState.waiting, k.subject))

    def known_lately(self) -> list[KnownCertificate]:
        """The same, cheap enough to be asked for every two seconds: read anew when a file has come, gone or changed."""
        stamp = tuple(_changed_ns(self._folder / kind) for kind in ("trusted", "rejected", "about"))
        if stamp != self._known[0]:
            self._known = stamp, self.known()
        return self._known[1]

    def _known_of(self, file: Path) -> KnownCertificate | None:
        try:
            content = facts(file.read_bytes())
        except (OSError, ValueError):
            return None
        state = self.state(file.stem)
        return None if state is None else described(content, state, self.about(file.stem), self.now())

    def waiting(self) -> list[str]:
        """Thumbprints of those that wait for a decision. Cheap enough to be asked for every two seconds."""
        stamp = tuple(_changed_ns(self._folder / kind) for kind in ("rejected", "about"))
        if stamp != self._waiting[0]:
            marks = sorted(file.stem for file in (self._folder / "rejected").glob("*.der"))
            self._waiting = stamp, [mark for mark in marks if self.state(mark) is TrustState.waiting]
        return self._waiting[1]

    def about(self, mark: str) -> About:
        try:
            return msgspec.json.decode((self._folder / "about" / f"{mark}.json").read_bytes(), type=About)
        except (OSError, msgspec.DecodeError):
            return About()

    # ------------------------------------------------------------ how it was before

    def secured(self, url: str) -> Secured | None:
        """How this address was last connected to; None if never with security."""
        file = self._folder / "secured" / f"{_name_of(url)}.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Secured)
        except (OSError, msgspec.DecodeError):
            return None

    def note_secured(self, url: str, *, policy: str, mode: str, certificate: bytes) -> None:
        before = self.secured(url)
        now = Secured(url, policy, mode, thumbprint(certificate), self._instant())
        if before is None or (before.policy, before.mode, before.thumbprint) != (policy, mode, now.thumbprint):
            self._write_json("secured", _name_of(url), now)

    # ----------------------------------------------------------------------- files

    def snapshot(self) -> tuple[str, ...]:
        """Another one whenever somebody has decided something or the own certificate is another."""
        trusted = sorted(f.name for f in (self._folder / "trusted").glob("*.der"))
        with suppress(OSError):
            trusted.append(str(self.own.file.stat().st_mtime_ns))
        return tuple(trusted)

    def _file(self, kind: str, mark: str) -> Path:
        return self._folder / kind / f"{mark}.der"

    def _write_json(self, kind: str, name: str, content: Any) -> None:
        file = self._folder / kind / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_name(file.name + ".new")
        scratch.write_bytes(msgspec.json.encode(content))
        scratch.replace(file)

    def _instant(self) -> str:
        return self.now().isoformat(timespec="seconds")


def described(content: CertificateFacts, state: TrustState, about: About, now: datetime) -> KnownCertificate:
    return KnownCertificate(
        thumbprint=content.thumbprint,
        state=state,
        subject=content.subject,
        issuer=content.issuer,
        begins_at=content.begins_at.isoformat(),
        ends_at=content.ends_at.isoformat(),
        days_left=content.days_left(now),
        application_uris=content.application_uris,
        hosts=content.hosts,
        about=about,
    )


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _name_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]
