"""Who calls, and how a caller stands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final


class PrincipalKind(StrEnum):
    person = "person"
    bridge = "bridge"
    integration = "integration"


class Role(StrEnum):
    """One role a principal. What each may do: `permissions.ROLE_PERMISSIONS`."""

    operator = "operator"
    supervisor = "supervisor"
    engineer = "engineer"
    administrator = "administrator"
    integration = "integration"
    bridge = "bridge"
    monitor = "monitor"
    """A monitoring system: reads metrics, nothing else."""


ROLE_KIND: Final[dict[Role, PrincipalKind]] = {
    Role.operator: PrincipalKind.person,
    Role.supervisor: PrincipalKind.person,
    Role.engineer: PrincipalKind.person,
    Role.administrator: PrincipalKind.person,
    Role.integration: PrincipalKind.integration,
    Role.bridge: PrincipalKind.bridge,
    Role.monitor: PrincipalKind.integration,
}


@dataclass(frozen=True, slots=True, order=True)
class PlacedRole:
    """A role that somebody has at one place of the equipment hierarchy and below it."""

    equipment_id: str
    role: Role


class Standing(StrEnum):
    """Whether a stored credential may be used now, and if not, why."""

    good = "good"
    disabled = "disabled"
    """Its principal is disabled."""
    ended = "ended"
    """Revoked (token) or signed out (session)."""
    expired = "expired"
    idle = "idle"
    """A session that was not used for its idle time."""


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A token or a session as the database knows it, with its principal. Times in microseconds since 1970."""

    principal_pk: int
    principal_id: str
    role: Role
    display_name: str
    language: str
    disabled: bool
    ended_at_us: int | None
    expires_at_us: int | None
    last_used_at_us: int | None
    idle_us: int | None = None
    """None: a token, which never idles out."""
    work_unit_id: str | None = None
    scope: str | None = None
    """What it is limited to (`permissions.scope_of`); None: all its principal's role may do."""
    placed: tuple[PlacedRole, ...] = ()
    """Roles the principal has at places; none: the role counts everywhere and no other does."""
    credential_pk: int = 0


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long somebody stays signed in. Seconds."""

    station_idle_s: int = 300
    """Of a session opened at a work unit."""
    desk_idle_s: int = 3_600
    """Of a session without a work unit (a supervisor's own computer)."""
    lifetime_s: int = 12 * 3_600
    """No session outlives this, used or not: a long shift."""


@dataclass(frozen=True, slots=True)
class LockPolicy:
    """Failures that are free, then a delay that doubles with each further one up to a limit. Seconds."""

    free_failures: int
    first_delay_s: int
    longest_delay_s: int
    forget_after_s: int | None = None
    """The count restarts when the last failure is older; None: only a success restarts it."""


PERSON_LOCK: Final = LockPolicy(free_failures=5, first_delay_s=30, longest_delay_s=3_600)
DEVICE_LOCK: Final = LockPolicy(free_failures=20, first_delay_s=30, longest_delay_s=300, forget_after_s=900)
SESSION_POLICY: Final = SessionPolicy()
KNOWN_DEVICES_MAX: Final = 20
"""Devices that are remembered of a person; the one they proved themselves at longest ago makes room."""
BADGE_MIN: Final = 4
BADGE_MAX: Final = 64
"""Characters of what a scanner reads from a badge."""
PASSWORD_MIN: Final = 15
PASSWORD_MAX: Final = 64
"""Characters."""


@dataclass(frozen=True, slots=True)
class LockState:
    """Failures in a row and until when further attempts are refused unseen."""

    failed_count: int = 0
    locked_until_us: int = 0
    failed_at_us: int = 0


@dataclass(frozen=True, slots=True)
class Device:
    """From where somebody proves who they are: a digest of the network address, the value of the device's cookie."""

    address_key: str
    cookie: str = field(default="", repr=False)
    """"": it has none."""

    @property
    def cookie_key(self) -> str:
        """What is stored of the cookie."""
        return hashlib.sha256(self.cookie.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Locks:
    """What an attempt counts against: a person's failures and a device's.

    `known`: the person has proven who they are at this device before, so it has a budget of its own for them, and
    `device_key` is of its cookie; else the person's is that of all unknown devices, and the device is its address.
    """

    person: LockState
    device: LockState
    device_key: str
    known: bool = False

    @property
    def until_us(self) -> int:
        """Until when attempts are refused unseen."""
        return max(self.person.locked_until_us, self.device.locked_until_us)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the only moment its text exists."""

    token_id: int
    token: str
    principal_id: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session at the only moment its text exists. `token` is the value of the session cookie."""

    token: str
    principal_pk: int
    principal_id: str
    role: Role
    display_name: str
    language: str
    work_unit_id: str | None
    expires_at: datetime
    must_set_up: bool = False
    """The plant wants a second factor of them, and until it is set up the session is good for nothing else."""
    device: str = field(default="", repr=False)
    """The value of the device's cookie, where the device is known from now on."""


@dataclass(frozen=True, slots=True)
class Voucher:
    """Somebody who answers for what another does."""

    principal_pk: int
    principal_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What became of one PIN attempt once it was counted."""

    signed_in: bool
    locked_until_us: int = 0
    """Above the present: refused because the person or the device is locked out."""
    must_set_up: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is about to sign in."""

    principal_pk: int
    principal_id: str
    role: Role
    display_name: str
    language: str
    placed: tuple[PlacedRole, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class PinRecord(Identity):
    """What is needed to check a PIN outside the database."""

    pin_hash: str
    changed_at_us: int


class SignInWay(StrEnum):
    """How somebody proved who they are."""

    pin = "pin"
    password = "password"
    badge = "badge"
    badge_and_pin = "badge-and-pin"
    vouching = "vouching"
    """A PIN at a tablet where another is signed in."""
    again = "again"
    """Somebody who is signed in proves it once more, before something that matters."""
    single_sign_on = "single-sign-on"
    """The plant's identity provider said who it is."""


class BadgeUse(StrEnum):
    """What a badge is at a station."""

    off = "off"
    """Nothing: people sign in with a PIN."""
    alone = "alone"
    """It suffices, for what is done at stations; a PIN does, too."""
    with_pin = "with-pin"
    """It says who it is, the PIN proves it. Who has a badge does not get in by PIN alone."""


class SignedAct(StrEnum):
    """What a plant may want signed electronically."""

    release_definition = "release-definition"
    """A version of a routing is released."""
    release_lot = "release-lot"
    """A lot may be used (again)."""
    correct_counts = "correct-counts"
    """What was counted is put right."""
    override_qualification = "override-qualification"
    """A job is started by somebody without the qualification it asks for."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """How people of this plant prove who they are. `version` 0: nobody has said anything."""

    badge: BadgeUse = BadgeUse.off
    second_factor_roles: frozenset[Role] = frozenset()
    """Who needs a second factor at a desk."""
    version: int = 0
    signed_acts: frozenset[SignedAct] = frozenset()
    """What is done only with an electronic signature."""


@dataclass(frozen=True, slots=True)
class FactorRecord:
    """A person's second factor. `confirmed`: a first code came, so codes are asked for."""

    sealed_secret: bytes
    confirmed: bool
    last_step: int


@dataclass(frozen=True, slots=True)
class CodeShown:
    """What a code that was typed was found to be, outside the database: of a time step, or perhaps a recovery code."""

    step: int | None = None
    recovery_sha256: bytes | None = None


NO_CODE: Final = CodeShown()


@dataclass(frozen=True, slots=True)
class BadgeView:
    """Who has a badge, never which."""

    badge_id: int
    principal_id: str
    display_name: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class PrincipalView:
    pk: int
    id: str
    kind: PrincipalKind
    role: Role
    display_name: str
    language: str
    disabled_at: datetime | None
    has_pin: bool
    version: int
    placed: tuple[PlacedRole, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as it may be listed: never its text."""

    token_id: int
    principal_id: str
    label: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    scope: str | None
    """What it is limited to; None: all its principal's role may do."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session that is open now. `is_this`: the one that asks."""

    session_id: int
    principal_id: str
    display_name: str
    role: Role
    work_unit_id: str
    """"" at a desk."""
    created_at: datetime
    last_seen_at: datetime
    """To about a minute."""
    expires_at: datetime
    is_this: bool
