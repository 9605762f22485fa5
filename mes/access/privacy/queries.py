"""Reads of privacy."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from mes.access.privacy.types import PerformanceByPerson, PrivacyPolicy
from mes.access.tables import PrivacyPolicyRow

POLICY_ID: Final = "plant"
_POLICY: Final = PrivacyPolicyRow.__table__  # type: ignore[attr-defined]


def get_privacy_policy(session: Session) -> PrivacyPolicy:
    """What is kept and told of people; before anything was said, the defaults."""
    row = session.execute(select(_POLICY).where(_POLICY.c.id == POLICY_ID)).first()
    if row is None:
        return PrivacyPolicy()
    return PrivacyPolicy(PerformanceByPerson(row.performance_by_person), row.keep_days, row.version, row.pseudonym_key)
