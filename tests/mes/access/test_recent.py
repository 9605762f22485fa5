"""The short memory of credentials: it lapses, it is bounded, and a change is seen at once."""

from __future__ import annotations

from mes.access.recent import DISTRUST_S, KEEP_S, READ_S, RecentCredentials
from mes.access.types import Role, StoredCredential

ADA = StoredCredential(1, "ada", Role.operator, "Ada", "en", False, None, None, None)


class Stopwatch:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def memory(size: int = 4) -> tuple[RecentCredentials, Stopwatch]:
    watch = Stopwatch()
    return RecentCredentials(size=size, monotonic=watch), watch


def test_it_remembers_for_a_few_seconds() -> None:
    recent, watch = memory()
    recent.put(b"k", ADA)
    watch.at = KEEP_S - 0.1
    assert recent.get(b"k") is ADA
    watch.at = KEEP_S
    assert recent.get(b"k") is None


def test_the_oldest_goes_first() -> None:
    recent, _ = memory(size=2)
    for key in (b"a", b"b", b"c"):
        recent.put(key, ADA)
    assert [recent.get(key) for key in (b"a", b"b", b"c")] == [None, ADA, ADA]


def test_a_distrusted_credential_is_neither_answered_nor_remembered() -> None:
    recent, watch = memory()
    recent.put(b"k", ADA)
    recent.put(b"other", ADA)
    recent.distrust(b"k")
    assert recent.get(b"k") is None
    assert recent.get(b"other") is ADA
    recent.put(b"k", ADA)  # a look-up that began before the change was committed
    assert recent.get(b"k") is None
    watch.at = DISTRUST_S
    recent.put(b"k", ADA)
    assert recent.get(b"k") is ADA


def test_distrusting_all_is_for_all() -> None:
    recent, watch = memory()
    recent.put(b"k", ADA)
    recent.distrust()
    recent.put(b"new", ADA)
    assert (recent.get(b"k"), recent.get(b"new")) == (None, None)
    watch.at = DISTRUST_S
    recent.put(b"new", ADA)
    assert recent.get(b"new") is ADA


def test_distrust_is_bounded_too() -> None:
    recent, _ = memory(size=2)
    recent.put(b"k", ADA)
    for key in (b"a", b"b", b"c"):
        recent.distrust(key)
    assert recent.get(b"k") is None


def test_a_change_elsewhere_forgets_all_and_what_was_being_read() -> None:
    recent, watch = memory()
    recent.put(b"k", ADA)
    recent.forget()
    recent.put(b"k", ADA)
    assert recent.get(b"k") is None
    watch.at = READ_S
    recent.put(b"k", ADA)
    assert recent.get(b"k") is ADA


def test_a_change_here_is_distrusted_as_long_whatever_is_heard_meanwhile() -> None:
    recent, watch = memory()
    recent.distrust()
    recent.forget()
    watch.at = DISTRUST_S - 0.1
    recent.put(b"k", ADA)
    assert recent.get(b"k") is None
