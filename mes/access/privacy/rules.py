"""Pseudonyms. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from mes.access.privacy.types import PerformanceByPerson, PrivacyPolicy


def pseudonym(key: str, principal_pk: int) -> str:
    """`P-` and twelve hexadecimal digits: the same for one person, and without the key nobody's."""
    return "P-" + hmac.new(bytes.fromhex(key), str(principal_pk).encode(), hashlib.sha256).hexdigest()[:12]


def named(policy: PrivacyPolicy, persons: Mapping[int, str]) -> tuple[str, ...]:
    """How some people, ids by key, are named in performance; in an order that tells nothing more."""
    if policy.performance_by_person is PerformanceByPerson.off:
        return ()
    if policy.performance_by_person is PerformanceByPerson.ids:
        return _sorted(persons.values())
    return _sorted(pseudonym(policy.pseudonym_key, pk) for pk in persons)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def erased_id(principal_pk: int) -> str:
    """What somebody whose data were erased is called from then on."""
    return f"erased-{principal_pk}"
