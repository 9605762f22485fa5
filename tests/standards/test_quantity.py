from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.isa95.equipment_hierarchy import PARENT_LEVELS, EquipmentLevel, may_nest
from standards.isa95.job_control import JobMethod, JobState, may_follow, state_after
from standards.isa95.quantity import MAX_E6, Quantity, from_e6, to_e6
from standards.lineside import ingest_v1


@given(st.integers(-MAX_E6, MAX_E6))
def test_scaled_integers_come_back(value_e6: int) -> None:
    assert to_e6(from_e6(value_e6)) == value_e6


@pytest.mark.parametrize("value", ["0.0000001", "NaN", "Infinity", "1e19", "1e999999", "1e9999999999", "abc"])
def test_what_cannot_be_exact_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_e6(value)


def test_a_float_is_never_a_quantity() -> None:
    with pytest.raises(TypeError):
        to_e6(0.1)  # type: ignore[arg-type]
    assert Quantity(Decimal("1.5"), "kg").e6 == 1_500_000
    assert str(from_e6(50_000_000)) == "50"
    assert str(from_e6(10**15)) == "1000000000"


def test_every_level_but_the_enterprise_needs_a_parent() -> None:
    assert set(PARENT_LEVELS) == set(EquipmentLevel)
    assert [level for level in EquipmentLevel if may_nest(level, None)] == [EquipmentLevel.Enterprise]
    assert may_nest(EquipmentLevel.WorkCell, EquipmentLevel.ProductionLine)
    assert not may_nest(EquipmentLevel.WorkCell, EquipmentLevel.Area)


def test_methods_lead_where_the_standard_says() -> None:
    assert state_after(JobState.Running, JobMethod.Pause) is JobState.Interrupted
    assert state_after(JobState.Ended, JobMethod.Resume) is None
    assert may_follow(JobState.AllowedToStart, JobState.Running)
    assert not may_follow(JobState.NotAllowedToStart, JobState.Running)


items = st.one_of(
    st.builds(
        ingest_v1.Sample,
        st.text(max_size=20),
        st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.text(max_size=20)),
        st.integers(0, 2**53),
    ),
    st.builds(ingest_v1.Gap, st.text(max_size=5), st.integers(0, 2**53), st.integers(0, 2**53), st.text(max_size=5)),
)


@given(st.lists(items, max_size=5))
def test_a_batch_comes_back_from_the_wire(batch_items: list[ingest_v1.Item]) -> None:
    batch = ingest_v1.Batch("j", 1, batch_items)
    assert ingest_v1.decode_batch(ingest_v1.encode(batch)) == batch
