"""Decisions of access: pure functions of what is known and the present instant."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Final

from mes.access.permissions import Permission
from mes.access.types import (
    BADGE_MAX,
    BADGE_MIN,
    LOGIN_NAME_MAX,
    PASSWORD_MAX,
    PASSWORD_MIN,
    LockPolicy,
    LockState,
    SessionPolicy,
    Standing,
    StoredCredential,
)

SECOND_US: Final = 1_000_000
TOUCH_SESSION_US: Final = 60 * SECOND_US
TOUCH_TOKEN_US: Final = 600 * SECOND_US
"""How old the last recorded use may be before a use is recorded again."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_SMALL: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PIN: Final = re.compile(r"[0-9]{4,6}")
_KEYPAD_LINES: Final = frozenset({"2580", "0852", "1470", "0741", "3690", "0963"})
_DISTINCT_MIN: Final = 3
_PASSWORD_DISTINCT_MIN: Final = 5
_PASSWORD_OWN_MIN: Final = 8
_COMMON: Final = re.compile(
    r"lineside|passw[o0]rd?t?|kennwort|admin(istrator)?|operator|supervisor|engineer|welcome|willkommen|letmein|iloveyou|"
    r"qwert[yz]?(uiop)?|asdf(gh(jkl)?)?|yxcv(bnm)?|zxcv(bnm)?|abc(def)?|1234(5(6(7(8(90?)?)?)?)?)?|(98)?7654321|(19|20)\d\d",
    re.IGNORECASE,
)
"""Words and rows that passwords are guessed from; the context of this product is in it (ASVS 6.1.2). Of a password at
least `_PASSWORD_OWN_MIN` characters have to be left without them."""

TOPIC_PERMISSIONS: Final[Mapping[str, Permission]] = {
    "equipment": Permission.view_floor,
    "work-center": Permission.view_floor,
    "area": Permission.view_floor,
    "board": Permission.view_floor,
    "order": Permission.view_floor,
    "material-lot": Permission.view_floor,
    "lots-running-out": Permission.view_floor,
    "tools": Permission.view_floor,
    "bridge": Permission.view_bridges,
    "bridges": Permission.view_bridges,
}
"""Kind of topic → what a subscriber must be allowed. Integrations and bridges have no live feed: they have cursors."""
_WHOLE_TOPICS: Final = frozenset({"board", "bridges", "lots-running-out", "tools"})
_TOPIC_MAX: Final = 220


def is_valid_id(text: str) -> bool:
    """Whether an id is safe in a path, a topic and a file name."""
    return _ID.fullmatch(text) is not None


def folded_login_name(text: str) -> str | None:
    """A login name as names are compared: A to Z count as a to z, and nothing else as anything else: what looks alike
    may be somebody else. None: it cannot be one."""
    folded = text.translate(_SMALL)
    fits = 0 < len(folded) <= LOGIN_NAME_MAX and folded.isprintable() and folded == folded.strip()
    return folded if fits else None


def is_acceptable_pin(pin: str) -> bool:
    """4 to 6 ASCII digits; no row, no repeated group, no straight line of the keypad."""
    if not _PIN.fullmatch(pin):
        return False
    return not (is_row(pin) or is_repetition(pin) or any(line in pin for line in _KEYPAD_LINES))


def is_acceptable_password(password: str) -> bool:
    """15 to 64 characters, not the same few again and again: length protects, not composition (NIST SP 800-63B-4,
    section 3.1.1.2, a password that is the only factor). What everybody tries first does not count."""
    is_long = PASSWORD_MIN <= len(password) <= PASSWORD_MAX and len(set(password)) >= _PASSWORD_DISTINCT_MIN
    return is_long and len(_COMMON.sub("", password)) >= _PASSWORD_OWN_MIN


def is_pin(secret: str) -> bool:
    """Whether a secret is a PIN and not a password."""
    return _PIN.fullmatch(secret) is not None


def is_badge(text: str) -> bool:
    """Whether a scan may be a badge: 4 to 64 characters that can be printed."""
    return BADGE_MIN <= len(text) <= BADGE_MAX and text.isprintable() and text == text.strip()


def is_row(pin: str) -> bool:
    """1234, 9876, 7890: each digit one more, or each one less, than the one before (9 and 0 are neighbours)."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return steps in ({1}, {9})


def is_repetition(pin: str) -> bool:
    """1111, 1122, 1212, 123123: fewer than three different digits, or a group said twice."""
    half = len(pin) // 2
    return len(set(pin)) < _DISTINCT_MIN or pin[:half] * 2 == pin


def standing(credential: StoredCredential, now_us: int) -> Standing:
    """How a credential stands at an instant; limits are half-open: at its expiry it is expired."""
    if credential.ended_at_us is not None:
        return Standing.ended
    if credential.disabled:
        return Standing.disabled
    if credential.expires_at_us is not None and now_us >= credential.expires_at_us:
        return Standing.expired
    if _is_idle(credential, now_us):
        return Standing.idle
    return Standing.good


def _is_idle(credential: StoredCredential, now_us: int) -> bool:
    if credential.idle_us is None or credential.last_used_at_us is None:
        return False
    return now_us >= credential.last_used_at_us + credential.idle_us


def is_touch_due(credential: StoredCredential, now_us: int) -> bool:
    """Whether a use is worth recording: at most once a minute for a session, once in ten minutes for a token."""
    if credential.last_used_at_us is None:
        return True
    if credential.idle_us is None:
        return now_us >= credential.last_used_at_us + TOUCH_TOKEN_US
    return now_us >= credential.last_used_at_us + min(TOUCH_SESSION_US, credential.idle_us // 5)


def is_activity(method: str, fetch_mode: str | None) -> bool:
    """Whether a request of a session means that somebody is there.

    A tap that writes and a page that is opened do; a region fetched by a script or a socket that stays open does not.
    """
    return method not in {"GET", "HEAD", "OPTIONS"} or fetch_mode in {None, "navigate"}


def idle_us(policy: SessionPolicy, *, at_work_unit: bool) -> int:
    """Idle time of a new session, microseconds."""
    return (policy.station_idle_s if at_work_unit else policy.desk_idle_s) * SECOND_US


def is_locked(state: LockState, now_us: int) -> bool:
    """Whether attempts are refused without being looked at."""
    return now_us < state.locked_until_us


def after_failure(state: LockState, policy: LockPolicy, now_us: int) -> LockState:
    """The lock after one more failure. The first delay begins with the failure that uses up the free ones."""
    count = state.failed_count + 1
    if policy.forget_after_s is not None and now_us - state.failed_at_us >= policy.forget_after_s * SECOND_US:
        count = 1
    over = count - policy.free_failures
    until = 0 if over < 0 else now_us + lock_delay_s(over, policy) * SECOND_US
    return LockState(failed_count=count, locked_until_us=until, failed_at_us=now_us)


def lock_delay_s(over: int, policy: LockPolicy) -> int:
    """Delay after `over` failures beyond the one that locked (0, 1, 2 …): doubling, limited. Seconds."""
    return min(policy.first_delay_s << min(over, 20), policy.longest_delay_s)


def may_subscribe(granted: Collection[Permission], topic: str) -> bool:
    """Whether these permissions suffice to follow a topic of the live feed. Unknown kinds of topics: nobody."""
    kind, separator, rest = topic.partition("/")
    permission = TOPIC_PERMISSIONS.get(kind)
    if permission is None or len(topic) > _TOPIC_MAX:
        return False
    complete = not separator if kind in _WHOLE_TOPICS else bool(rest) and rest.strip() == rest
    return complete and permission in granted
