"""REST documents of access."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mes.access.types import NewToken, PrincipalKind, PrincipalView, Role, TokenView
from mes.kernel.limits import Version
from mes.kernel.paging import Page

LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrincipalIn(_Document):
    id: str = Field(max_length=100)
    role: Role
    display_name: str = Field(min_length=1, max_length=200)
    language: str = Field(default="en", max_length=20, pattern=LANGUAGE)


class PrincipalOut(_Document):
    id: str
    kind: PrincipalKind
    role: Role
    display_name: str
    language: str
    disabled_at: AwareDatetime | None
    has_pin: bool
    version: int

    @classmethod
    def of(cls, view: PrincipalView) -> PrincipalOut:
        return cls(
            id=view.id,
            kind=view.kind,
            role=view.role,
            display_name=view.display_name,
            language=view.language,
            disabled_at=view.disabled_at,
            has_pin=view.has_pin,
            version=view.version,
        )


class PrincipalPage(_Document):
    items: list[PrincipalOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[PrincipalView]) -> PrincipalPage:
        return cls(items=[PrincipalOut.of(view) for view in page.items], next_cursor=page.next_cursor)


class PrincipalChange(_Document):
    """What is left out stays as it is."""

    role: Role | None = None
    disabled: bool | None = None
    version: Version | None = None
    """The version that was read; or send If-Match."""


class PinIn(_Document):
    pin: str


class PasswordIn(_Document):
    password: str


class TokenIn(_Document):
    principal_id: str = Field(max_length=100)
    label: str = Field(min_length=1, max_length=200)
    """Where it is used, so that somebody dares to revoke it."""
    expires_at: AwareDatetime | None = None


class NewTokenOut(_Document):
    id: int
    principal_id: str
    token: str
    """Shown here once and never again."""

    @classmethod
    def of(cls, new: NewToken) -> NewTokenOut:
        return cls(id=new.token_id, principal_id=new.principal_id, token=new.token)


class TokenOut(_Document):
    id: int
    principal_id: str
    label: str
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    """To about ten minutes."""
    revoked_at: AwareDatetime | None

    @classmethod
    def of(cls, view: TokenView) -> TokenOut:
        return cls(
            id=view.token_id,
            principal_id=view.principal_id,
            label=view.label,
            created_at=view.created_at,
            expires_at=view.expires_at,
            last_used_at=view.last_used_at,
            revoked_at=view.revoked_at,
        )


class TokenPage(_Document):
    items: list[TokenOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[TokenView]) -> TokenPage:
        return cls(items=[TokenOut.of(view) for view in page.items], next_cursor=page.next_cursor)
