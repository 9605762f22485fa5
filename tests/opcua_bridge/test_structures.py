"""The bridge's codec for structures against asyncua's own, on generated values; and against what nobody should send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua_bridge.simulator import job_types as theirs
from opcua_bridge.structures import Structures, UnknownStructure, from_raw, raw

INDEX = 7
ORDER, ENTRY = (ua.NodeId(n, INDEX) for n in (3008, 3015))
TEXT = st.text(max_size=20)
VALUES = st.one_of(
    st.booleans().map(ua.Variant),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: ua.Variant(n, ua.VariantType.Int64)),
    st.floats(allow_nan=False).map(ua.Variant),
    st.lists(TEXT, min_size=1).map(lambda texts: ua.Variant(texts, ua.VariantType.String)),
)
MAYBE_TEXTS = st.none() | st.lists(TEXT.map(ua.LocalizedText), max_size=3)


class Described:
    """A server that describes the standard's structures, and what it must not be asked."""

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self._definitions = {
            ua.NodeId(structure.node, INDEX): theirs.definition(name, INDEX)
            for name, structure in theirs.STRUCTURES.items()
            if name not in missing
        }

    async def definitions(self, data_types: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        gone = ua.DataValue(None, ua.StatusCode(ua.StatusCodes.BadAttributeIdInvalid))
        known = self._definitions
        return [ua.DataValue(ua.Variant(known[t])) if t in known else gone for t in data_types]

    async def supertype(self, data_type: ua.NodeId) -> ua.NodeId | None:
        is_text = data_type == ua.NodeId(ua.ObjectIds.DecimalString)
        return ua.NodeId(ua.ObjectIds.String) if is_text else ua.NodeId(ua.ObjectIds.Structure)


@pytest.fixture
async def types() -> Structures:
    it = Structures()
    await it.read(Described(), [ENTRY])
    return it


def parameters(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    below = st.none() if depth == 0 else st.none() | st.lists(parameters(depth - 1), max_size=2)
    fields = {"ID": TEXT, "Value": VALUES, "Description": MAYBE_TEXTS, "EngineeringUnits": st.none()}
    return st.fixed_dictionaries(fields | {"Subparameters": below})


ORDERS = st.fixed_dictionaries(
    {
        "JobOrderID": TEXT,
        "Description": MAYBE_TEXTS,
        "WorkMasterID": st.none() | st.lists(st.fixed_dictionaries({"ID": TEXT}), max_size=2),
        "Priority": st.none() | st.integers(-(2**15), 2**15 - 1),
        "JobOrderParameters": st.none() | st.lists(parameters(), max_size=3),
        "MaterialRequirements": st.none()
        | st.lists(st.fixed_dictionaries({"MaterialDefinitionID": st.none() | TEXT, "Quantity": TEXT}), max_size=2),
    }
)


def as_object(name: str, fields: dict[str, Any]) -> Any:
    """The same as an object of asyncua's codec."""
    below = {"JobOrderParameters": "Parameter", "Subparameters": "Parameter"}
    below |= {"WorkMasterID": "WorkMaster", "MaterialRequirements": "Material"}
    values = {
        key: [as_object(below[key], one) for one in value] if key in below and value is not None else value
        for key, value in fields.items()
    }
    return theirs.new(name, **values)


@given(ORDERS)
def test_what_is_packed_here_is_what_asyncua_packs_and_reads(order: dict[str, Any]) -> None:
    types = _learned()
    expected = as_object("JobOrder", order)
    packed = types.encode(ORDER, order)
    assert packed == theirs.packed(expected, INDEX)
    assert theirs.unpacked("JobOrder", packed, INDEX) == expected
    read = types.decode(packed)
    assert {key: read[key] for key in ("JobOrderID", "Priority")} == {k: order[k] for k in ("JobOrderID", "Priority")}
    assert types.encode(ORDER, read) == packed


@given(ORDERS, st.data())
def test_damaged_bytes_are_an_error_of_their_own_kind_or_some_value(order: dict[str, Any], data: st.DataObject) -> None:
    types = _learned()
    packed = types.encode(ORDER, order)
    body = bytearray(packed.Body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    try:
        assert set(types.decode(ua.ExtensionObject(TypeId=packed.TypeId, Body=cut))) >= {"JobOrderID"}
    except UnknownStructure:
        return


_KNOWN: list[Structures] = []


def _learned() -> Structures:
    """Read once: Hypothesis's functions are not asynchronous."""
    if not _KNOWN:
        it = Structures()
        _run(it.read(Described(), [ENTRY]))
        _KNOWN.append(it)
    return _KNOWN[0]


def _run(work: Any) -> None:
    """A coroutine that waits for nothing."""
    with pytest.raises(StopIteration):
        work.send(None)


async def test_an_absent_field_and_an_unknown_name_are_left_out(types: Structures) -> None:
    packed = types.encode(ORDER, {"JobOrderID": "J", "Colour": "red", "StartTime": None})
    assert packed.Body == b"\x00\x00\x00\x00\x01\x00\x00\x00J"
    assert types.decode(packed)["StartTime"] is None


async def test_a_structure_is_the_same_after_it_was_carried_as_bytes(types: Structures) -> None:
    packed = types.encode(ORDER, {"JobOrderID": "J"})
    assert from_raw(raw(packed)) == packed
    assert types.decode(from_raw(raw(packed)))["JobOrderID"] == "J"


async def test_what_nobody_described_cannot_be_read(types: Structures) -> None:
    for strange in (ua.ExtensionObject(TypeId=ua.NodeId(9, INDEX), Body=b"x"), None, 3):
        with pytest.raises(UnknownStructure):
            types.decode(strange)
    with pytest.raises(UnknownStructure):
        types.encode(ua.NodeId(9, INDEX), {})
    with pytest.raises(UnknownStructure, match="does not describe"):
        await Structures().read(Described(missing=["ISA95StateDataType"]), [ENTRY])


async def test_a_structure_that_somebody_elses_registry_has_read_is_read_all_the_same(
    types: Structures, registered: type
) -> None:
    """asyncua's registry is one for the process: `load_data_type_definitions` of anybody changes what arrives here."""
    seen = registered(JobOrderID="J")
    assert types.decode(seen)["JobOrderID"] == "J"


@pytest.fixture
def registered() -> Iterator[type]:
    """A class in the registry, as `load_data_type_definitions` puts it there, for as long as the test lasts."""
    known = type(theirs.new("JobOrder"))
    type_id = ua.NodeId(5014, INDEX)
    ua.extension_objects_by_typeid[type_id], ua.typeid_by_extension_objects[known] = known, type_id
    yield known
    del ua.extension_objects_by_typeid[type_id], ua.typeid_by_extension_objects[known]
