"""What a thing has from its classes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mes.kernel.properties import Property, inherited, loaded, stored

PROPERTIES = st.lists(
    st.builds(Property, st.sampled_from("abcde"), value=st.text(max_size=3)), unique_by=lambda p: p.id
)
CLASSES = st.lists(st.tuples(st.text(min_size=1, max_size=3), PROPERTIES), max_size=4, unique_by=lambda c: c[0])


@given(PROPERTIES, CLASSES)
def test_each_is_said_once_by_the_thing_itself_or_the_first_class_that_does(
    own: list[Property], classes: list[tuple[str, list[Property]]]
) -> None:
    found = inherited(own, classes)
    everybody = {one.id for properties in (own, *(p for _, p in classes)) for one in properties}
    assert sorted([one.id for one in own] + [one.property.id for one in found]) == sorted(everybody)
    assert [one.property.id for one in found] == sorted(one.property.id for one in found)
    for one in found:
        said = [(name, p) for name, properties in classes for p in properties if p.id == one.property.id]
        assert (one.class_id, one.property) == said[0]


@given(PROPERTIES)
def test_they_are_kept_in_order_of_id(properties: list[Property]) -> None:
    assert loaded(stored(properties)) == tuple(sorted(properties, key=lambda one: one.id))
