"""The cast of every access test: one of each role, with a token and, for persons, an open session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mes.access.service import create_principal, create_token, open_session
from mes.access.tokens import digest, new_session_value
from mes.access.types import ROLE_KIND, PrincipalKind, Role
from mes.kernel.db import Database
from mes.kernel.uow import UnitOfWork

CAST: Final = {
    "ada": Role.operator,
    "sven": Role.supervisor,
    "erin": Role.engineer,
    "adam": Role.administrator,
    "iris": Role.integration,
    "bert": Role.bridge,
    "mona": Role.monitor,
}


@dataclass(frozen=True)
class Member:
    """Somebody who can call. `session` is None for machines: they have no way to get one."""

    name: str
    role: Role
    principal_pk: int
    token: str
    session: str | None

    def headers(self, path: str) -> dict[str, str]:
        """How this one calls a path: the API by token, screens by cookie (a machine tries its token there too)."""
        if by_token(path) or self.session is None:
            return {"authorization": f"Bearer {self.token}"}
        return {"cookie": f"lineside_session={self.session}", "sec-fetch-site": "same-origin"}


def by_token(path: str) -> bool:
    """Where programs call."""
    return path.startswith("/api/") or path in ("/metrics", "/b2mml")


def hire_cast(database: Database) -> dict[Role, Member]:
    """The whole cast, hired into one plant."""
    return database.write_now(_hire_all, actor=None, names=CAST, plant_id=database.plant_id)


def hire(database: Database, name: str, role: Role) -> Member:
    """One principal with a token and, for a person, a session."""
    return database.write_now(_hire_all, actor=None, names={name: role}, plant_id=database.plant_id)[role]


def _hire_all(uow: UnitOfWork, *, names: Mapping[str, Role], plant_id: str) -> dict[Role, Member]:
    return {role: _hire(uow, name, role, plant_id) for name, role in names.items()}


def _hire(uow: UnitOfWork, name: str, role: Role, plant_id: str) -> Member:
    pk = create_principal(uow, principal_id=name, role=role, display_name=name.title())
    new = create_token(uow, plant_id=plant_id, principal_id=name, label="cast")
    session = new_session_value(plant_id) if ROLE_KIND[role] is PrincipalKind.person else None
    if session is not None:
        open_session(uow, principal_id=name, session_sha256=digest(session))
    return Member(name, role, pk, new.token, session)


def as_(member: Member, **more: str) -> dict[str, str]:
    """Headers of a request of theirs."""
    return {"authorization": f"Bearer {member.token}", **more}


class OnePlant:
    """A directory that knows one plant."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def stands_for(self, _host: str) -> str:
        return self.database.plant_id

    def is_reached_by(self, _host: str, plant_id: str, *, by_token: bool) -> bool:
        return plant_id == self.database.plant_id

    async def reach(self, _plant_id: str) -> Database:
        return self.database
