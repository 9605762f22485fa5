"""What access decides without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.access import rules
from mes.access.permissions import ROLE_PERMISSIONS, Permission, may
from mes.access.tokens import digest, new_session_value, new_token, plant_of
from mes.access.types import DEVICE_LOCK, PERSON_LOCK, LockState, Role, SessionPolicy, Standing, StoredCredential

S = rules.SECOND_US


def credential(**kwargs: object) -> StoredCredential:
    values: dict[str, object] = {
        "principal_pk": 1,
        "principal_id": "ada",
        "role": Role.operator,
        "display_name": "Ada",
        "language": "en",
        "disabled": False,
        "ended_at_us": None,
        "expires_at_us": 1_000 * S,
        "last_used_at_us": 100 * S,
        "idle_us": 300 * S,
    }
    return StoredCredential(**{**values, **kwargs})  # type: ignore[arg-type]


@pytest.mark.parametrize("pin", ["4711", "8642", "1357", "90210", "271828", "1984"])
def test_acceptable_pins(pin: str) -> None:
    assert rules.is_acceptable_pin(pin)


@pytest.mark.parametrize(
    "pin",
    [
        *("", "123", "1234567", "12a4", "12 4", " 4711", "4711\n", "٤٧١١", "-471"),  # not 4 to 6 ASCII digits
        *("1234", "4321", "7890", "098765", "123456"),  # rows
        *("1111", "1122", "1212", "7787", "123123", "999999"),  # too few digits, a group twice
        *("2580", "0852", "258036", "1470"),  # a line down the keypad
    ],
)
def test_trivial_pins_are_refused(pin: str) -> None:
    assert not rules.is_acceptable_pin(pin)


@given(st.text(alphabet="0123456789", min_size=4, max_size=6))
def test_a_pin_read_backwards_is_as_good(pin: str) -> None:
    assert rules.is_row(pin) == rules.is_row(pin[::-1])
    assert not rules.is_acceptable_pin(pin) or len(set(pin)) >= 3


@pytest.mark.parametrize(
    ("changes", "at_s", "expected"),
    [
        ({}, 399, Standing.good),
        ({}, 400, Standing.idle),
        ({"last_used_at_us": 990 * S}, 999, Standing.good),
        ({"last_used_at_us": 990 * S}, 1_000, Standing.expired),
        ({"disabled": True}, 101, Standing.disabled),
        ({"ended_at_us": 100 * S, "disabled": True}, 101, Standing.ended),
        ({"idle_us": None, "expires_at_us": None}, 10**9, Standing.good),
    ],
)
def test_standing(changes: dict[str, object], at_s: int, expected: Standing) -> None:
    assert rules.standing(credential(**changes), at_s * S) is expected


def test_touches_are_coarse() -> None:
    assert not rules.is_touch_due(credential(), 159 * S)
    assert rules.is_touch_due(credential(), 160 * S)
    assert rules.is_touch_due(credential(idle_us=50 * S), 110 * S)
    assert not rules.is_touch_due(credential(idle_us=None), 699 * S)
    assert rules.is_touch_due(credential(idle_us=None), 700 * S)
    assert rules.is_touch_due(credential(idle_us=None, last_used_at_us=None), 0)


@pytest.mark.parametrize(
    ("method", "mode", "expected"),
    [
        ("POST", "cors", True),
        ("GET", "navigate", True),
        ("GET", None, True),
        ("GET", "cors", False),
        ("GET", "same-origin", False),
    ],
)
def test_what_a_script_fetches_keeps_nobody_signed_in(method: str, mode: str | None, expected: bool) -> None:
    assert rules.is_activity(method, mode) is expected


def test_idle_time_depends_on_the_place() -> None:
    policy = SessionPolicy(station_idle_s=300, desk_idle_s=3_600)
    assert rules.idle_us(policy, at_work_unit=True) == 300 * S
    assert rules.idle_us(policy, at_work_unit=False) == 3_600 * S


def test_the_delay_grows_from_the_fifth_failure_on() -> None:
    state, delays = LockState(), []
    for _ in range(14):
        state = rules.after_failure(state, PERSON_LOCK, 0)
        delays.append(state.locked_until_us // S)
    assert delays == [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]


def test_a_device_is_forgiven_after_a_while_and_a_person_is_not() -> None:
    nearly = LockState(failed_count=4, failed_at_us=0)
    assert rules.after_failure(nearly, PERSON_LOCK, 10**6 * S).failed_count == 5
    device = LockState(failed_count=19, failed_at_us=0)
    assert rules.after_failure(device, DEVICE_LOCK, 899 * S).failed_count == 20
    assert rules.after_failure(device, DEVICE_LOCK, 900 * S).failed_count == 1


@given(st.integers(0, 10_000), st.integers(0, 10**15))
def test_a_failure_never_shortens_what_it_locks(count: int, now_us: int) -> None:
    before = rules.after_failure(LockState(failed_count=count), PERSON_LOCK, now_us)
    after = rules.after_failure(before, PERSON_LOCK, now_us)
    assert after.locked_until_us >= before.locked_until_us
    assert after.locked_until_us <= now_us + PERSON_LOCK.longest_delay_s * S


# Said a second time, on purpose: a change of the table must be wanted in two places.
EXPECTED = {
    "view-floor": "operator supervisor engineer administrator",
    "operate": "operator supervisor engineer administrator",
    "report-results": "operator supervisor engineer administrator integration bridge",
    "decide-quality": "supervisor engineer administrator",
    "release-jobs": "supervisor administrator",
    "override-refusals": "supervisor administrator",
    "manage-master-data": "engineer administrator",
    "manage-access": "administrator",
    "submit-operations-requests": "integration",
    "exchange-documents": "integration",
    "read-audit": "supervisor administrator",
    "read-performance": "supervisor engineer administrator integration",
    "bridge-ingest": "bridge",
    "view-bridges": "supervisor engineer administrator",
    "view-routings": "supervisor engineer administrator",
    "decide-trust": "engineer administrator",
    "connect-machines": "supervisor engineer administrator",
    "read-metrics": "monitor administrator",
    "read-events": "administrator integration",
    "manage-webhooks": "administrator",
    "manage-erp": "administrator",
    "import-files": "engineer administrator integration",
}


@pytest.mark.parametrize("permission", list(Permission))
@pytest.mark.parametrize("role", list(Role))
def test_who_may_what(role: Role, permission: Permission) -> None:
    assert may(role, permission) is (role.value in EXPECTED[permission.value].split())


def test_every_role_has_its_permissions_written_out() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)
    assert set(EXPECTED) == {permission.value for permission in Permission}


FLOOR = (
    *("equipment/SMT-1", "work-center/SMT-1", "area/ELECTRONICS", "board", "order/4711"),
    *("material-lot/R-1", "lots-running-out"),
)
PERSONS = (Role.operator, Role.supervisor, Role.engineer, Role.administrator)


@pytest.mark.parametrize("topic", [*FLOOR, "bridge/edge-1", "bridges"])
@pytest.mark.parametrize("role", list(Role))
def test_topics(role: Role, topic: str) -> None:
    allowed = PERSONS if topic in FLOOR else (Role.supervisor, Role.engineer, Role.administrator)
    assert rules.may_subscribe(ROLE_PERMISSIONS[role], topic) is (role in allowed)


@pytest.mark.parametrize(
    "topic", ["", "equipment", "equipment/", "board/1", "person/ada", "access", "*", "order/ 1", "area/" + "x" * 300]
)
def test_a_topic_nobody_knows_is_nobodys(topic: str) -> None:
    assert not rules.may_subscribe(frozenset(Permission), topic)


@given(st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True))
def test_a_token_names_its_plant(plant_id: str) -> None:
    token, session = new_token(plant_id), new_session_value(plant_id)
    assert plant_of(token, "lst") == plant_id
    assert plant_of(session, "ls") == plant_id
    assert plant_of(token, "ls") is None
    assert plant_of(session, "lst") is None


def test_tokens_are_random_and_stored_as_digests() -> None:
    tokens = {new_token("default") for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == len("lst_default_") + 43 for token in tokens)
    assert len({digest(token) for token in tokens}) == 100
    assert digest("lst_default_x") != digest("lst_other_x")


@pytest.mark.parametrize("text", ["", "lst_", "lst_Default_" + "a" * 43, "lst_default_" + "a" * 42, "x" * 10_000])
def test_what_is_no_token_names_no_plant(text: str) -> None:
    assert plant_of(text, "lst") is None


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("4711", True),
        ("a.b_c:d-e", True),
        ("", False),
        ("a/b", False),
        ("a b", False),
        ("é", False),
        ("-a", False),
        ("a" * 101, False),
    ],
)
def test_ids(text: str, valid: bool) -> None:
    assert rules.is_valid_id(text) is valid


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("correct horse battery", True),
        ("é7 " * 21 + "x", False),
        ("Grüße aus der Gießerei, wo um halb sieben noch niemand Licht hat", True),
        ("passwordpassword", False),
        ("Qwertyuiop123456", False),
        ("1234567890123456", False),
        ("Lineside-Admin-2026", False),
        ("iloveyou-welcome", False),
        ("operator at the seventh press", True),
    ],
)
def test_a_password_is_long_and_not_what_everybody_tries(password: str, good: bool) -> None:
    assert rules.is_acceptable_password(password) is good
