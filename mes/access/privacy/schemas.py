"""REST documents of privacy."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mes.access.privacy.types import KEEP_DAYS_MAX, KEEP_DAYS_MIN, PerformanceByPerson, PrivacyPolicy
from mes.kernel.limits import Version


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrivacyPolicyIn(_Document):
    """What is kept and told of people of the plant."""

    performance_by_person: PerformanceByPerson
    keep_days: int | None = Field(default=None, ge=KEEP_DAYS_MIN, le=KEEP_DAYS_MAX)
    """Sign-ins and network addresses are forgotten after so many days; null: kept."""
    version: Version | None = None
    """The version that was read, 0 before the first; or send If-Match."""

    def policy(self) -> PrivacyPolicy:
        return PrivacyPolicy(self.performance_by_person, self.keep_days)


class PrivacyPolicyOut(_Document):
    performance_by_person: PerformanceByPerson
    keep_days: int | None
    version: int

    @classmethod
    def of(cls, policy: PrivacyPolicy) -> PrivacyPolicyOut:
        return cls(
            performance_by_person=policy.performance_by_person, keep_days=policy.keep_days, version=policy.version
        )
