"""Principals and what they identify themselves with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from mes.kernel.changes import PERSONAL
from mes.kernel.sqltypes import UtcDateTime, Versioned
from mes.kernel.tables import TableModel, micros


class Principal(TableModel, Versioned, table=True):
    """Who calls: a person, a bridge, an integration. Never deleted: events name it by `pk`."""

    __tablename__ = "principal"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'bridge', 'integration')", name="kind"),
        CheckConstraint(
            "role IN ('operator', 'supervisor', 'engineer', 'administrator', 'integration', 'bridge', 'monitor')",
            name="role",
        ),
    )

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    kind: str = Field(max_length=20)
    role: str = Field(max_length=20)
    display_name: str = Field(max_length=200, sa_column_kwargs={"info": PERSONAL})
    language: str = Field(default="en", max_length=20)
    disabled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    placed_roles: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    """`role@equipment`, a blank between (`permissions.placed_of`)."""


class ApiToken(TableModel, table=True):
    """A bearer token, by its SHA-256."""

    __tablename__ = "api_token"

    pk: int | None = Field(default=None, primary_key=True)
    principal_pk: int = Field(foreign_key="principal.pk", index=True)
    token_sha256: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    label: str = Field(max_length=200)
    created_at_us: int = Field(sa_column=micros())
    expires_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    last_used_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    scope: str | None = Field(default=None, max_length=1_000)
    """Permissions it is limited to, a blank between; none: its principal's role is the limit."""
    revoked_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))


class SignInSession(TableModel, table=True):
    """Somebody signed in on a screen, by the SHA-256 of the cookie's value."""

    __tablename__ = "session"
    __table_args__ = (Index("ix_session_work_unit", "work_unit_id", "principal_pk", "created_at_us"),)

    pk: int | None = Field(default=None, primary_key=True)
    token_sha256: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    principal_pk: int = Field(foreign_key="principal.pk", index=True)
    work_unit_id: str | None = Field(default=None, max_length=100)
    created_at_us: int = Field(sa_column=micros())
    last_seen_at_us: int = Field(sa_column=micros())
    idle_us: int = Field(sa_column=micros())
    """Idle time of this session, microseconds; set when it was opened."""
    expires_at_us: int = Field(sa_column=micros())
    ended_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    scope: str | None = Field(default=None, max_length=1_000)
    """As of a token."""


class PinCredential(TableModel, table=True):
    """A person's PIN or password as an argon2id hash, and the lock on it."""

    __tablename__ = "pin_credential"

    principal_pk: int = Field(primary_key=True, foreign_key="principal.pk")
    pin_hash: str = Field(max_length=200)
    failed_count: int = 0
    failed_at_us: int = Field(default=0, sa_column=micros())
    locked_until_us: int = Field(default=0, sa_column=micros())
    changed_at_us: int = Field(sa_column=micros())


class Badge(TableModel, table=True):
    """A person's badge, by a keyed digest of what a scanner reads from it (`Vault.digests`)."""

    __tablename__ = "badge"

    pk: int | None = Field(default=None, primary_key=True)
    principal_pk: int = Field(foreign_key="principal.pk", index=True)
    badge_hmac: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    given_at_us: int = Field(sa_column=micros())


class AccessPolicyRow(Versioned, TableModel, table=True):
    """How people of this plant prove who they are; one row."""

    __tablename__ = "access_policy"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    badge: str = Field(max_length=10)
    second_factor_roles: str = Field(default="", max_length=200)
    """Roles that need a second factor at desks, a blank between."""
    signed_acts: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    """What is done with a signature only, a blank between."""


class PrivacyPolicyRow(Versioned, TableModel, table=True):
    """What is kept and told of people of this plant; one row."""

    __tablename__ = "privacy_policy"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    performance_by_person: str = Field(max_length=10)
    keep_days: int | None = None
    pseudonym_key: str = Field(max_length=64)


class SecondFactor(TableModel, table=True):
    """The secret a person's authenticator app shares with us, sealed by the vault."""

    __tablename__ = "second_factor"

    principal_pk: int = Field(primary_key=True, foreign_key="principal.pk")
    sealed_secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    confirmed_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    """None: a first code has not come yet, so nothing asks for one."""
    last_step: int = Field(default=0, sa_column=micros())
    """The time step of the last code that was used: no code counts twice."""


class RecoveryCode(TableModel, table=True):
    """A code for the day the authenticator app is gone, by its SHA-256; deleted when it is used."""

    __tablename__ = "recovery_code"

    code_sha256: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    principal_pk: int = Field(foreign_key="principal.pk", index=True)


class Signature(TableModel, table=True):
    """An electronic signature, by the SHA-256 of what is presented; `act` and what follows once an act has used it."""

    __tablename__ = "signature"

    pk: int | None = Field(default=None, primary_key=True)
    token_sha256: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    principal_pk: int = Field(foreign_key="principal.pk")
    act_sha256: str = Field(max_length=64)
    meaning: str = Field(max_length=20)
    signed_at_us: int = Field(sa_column=micros())
    used_at_us: int | None = Field(default=None, sa_column=micros(nullable=True))
    act: str | None = Field(default=None, max_length=50)
    what: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class IdentityProviderRow(Versioned, TableModel, table=True):
    """Where people of this plant may sign in instead of here; one row, or none."""

    __tablename__ = "identity_provider"

    pk: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=100, unique=True)
    issuer: str = Field(max_length=2_000)
    client_id: str = Field(max_length=255)
    sealed_secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    label: str = Field(max_length=100)
    person_claim: str = Field(max_length=100)
    groups_claim: str = Field(max_length=100)
    roles: str = Field(default="{}", sa_column=Column(Text, nullable=False))
    """Group → role, JSON."""
    makes_people: bool = False
    administrators: bool = False
    private_addresses: bool = False


class IdentityLink(TableModel, table=True):
    """Who somebody of an identity provider is here: the pair of issuer and subject is never given to another."""

    __tablename__ = "identity_link"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("principal_pk", "issuer"))

    pk: int | None = Field(default=None, primary_key=True)
    principal_pk: int = Field(foreign_key="principal.pk")
    issuer: str = Field(max_length=2_000)
    subject: str = Field(max_length=255)
    linked_at_us: int = Field(sa_column=micros())


class KnownDevice(TableModel, table=True):
    """A device at which a person has proven who they are, by a digest of its cookie, and their failures there since."""

    __tablename__ = "known_device"

    principal_pk: int = Field(primary_key=True, foreign_key="principal.pk")
    device_key: str = Field(primary_key=True, max_length=64)
    proven_at_us: int = Field(sa_column=micros())
    failed_count: int = 0
    failed_at_us: int = Field(default=0, sa_column=micros())
    locked_until_us: int = Field(default=0, sa_column=micros())


class DeviceLock(TableModel, table=True):
    """Failed sign-ins from one device, by a digest of its cookie where it knows who was tried, else its address."""

    __tablename__ = "device_lock"

    device_key: str = Field(primary_key=True, max_length=64)
    failed_count: int = 0
    failed_at_us: int = Field(sa_column=micros(index=True))
    locked_until_us: int = Field(default=0, sa_column=micros())
