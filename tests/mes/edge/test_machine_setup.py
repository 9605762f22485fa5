"""A machine is set up through the mailbox: nothing is half done, whatever the bridge answers, and two may be at it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from mes.edge.errors import (
    BridgeNotFound,
    SetupClosed,
    SetupInvalid,
    SetupNotFound,
    TagTaken,
    TemplateNotFound,
    TooManySetups,
)
from mes.edge.queries import (
    get_bridge,
    get_setup,
    get_tree_level,
    list_bindings,
    list_setups,
    list_templates,
    list_waiting_commands,
)
from mes.edge.service import (
    add_signal,
    apply_setup,
    ask_level,
    ask_look,
    ask_watch,
    begin_setup,
    choose_signals,
    forget_old_setups,
    give_up_setup,
    pick_signals,
    put_command,
    put_tag_bindings,
    save_template,
)
from mes.edge.service.machine_setup import LEVELS_MAX, OPEN_MAX
from mes.edge.types import (
    Choice,
    CommandState,
    CommandView,
    ModelSlot,
    Pick,
    SetupState,
    SetupStep,
    SetupView,
    TagBindingSpec,
)
from mes.equipment.errors import EquipmentNotFound
from mes.equipment.queries import get_equipment
from mes.ingest.service import record_command_result
from mes.kernel.db import Database
from mes.kernel.errors import VersionConflict
from mes.kernel.sqltypes import to_us
from standards.lineside.commands_v1 import (
    CommandKind,
    CommandResult,
    Node,
    NodeList,
    Outcome,
    Proposals,
    ProposedTag,
    Seen,
    SeenList,
    to_document,
)
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE, CELL, LINE, PRESS, Box

URL = "opc.tcp://press-2:4840/"
GOOD = Choice("nsu=urn:press-2;s=PRESS-2.Good", "nsu=urn:press-2;s=PRESS-2.Good", "Good", ModelSlot.good)
STATE = Choice("i=85 ⟶ State", "i=85", "State", ModelSlot.state, ["State"])
NODE = Node(GOOD.key, GOOD.node, [], "/Machine/Good", "Good", "variable", "UInt32", "7")


def begin(plant: Database, **over: str) -> str:
    asked = {"bridge_id": BRIDGE, "equipment_id": PRESS, "name": "PRESS-2", "url": URL} | over
    return plant.write_now(begin_setup, actor=None, **asked)


def setup(plant: Database, setup_id: str) -> SetupView:
    return plant.read_now(get_setup, setup_id=setup_id, now_us=to_us(plant.clock()))


def do(plant: Database, verb: Any, setup_id: str, **more: Any) -> None:
    plant.write_now(verb, actor=None, setup_id=setup_id, **more)


def choose(plant: Database, setup_id: str, *choices: Choice) -> None:
    do(plant, choose_signals, setup_id, version=setup(plant, setup_id).version, choices=choices)


def apply(plant: Database, setup_id: str) -> None:
    do(plant, apply_setup, setup_id, version=setup(plant, setup_id).version)


def waiting(plant: Database) -> tuple[CommandView, ...]:
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    return plant.read_now(list_waiting_commands, bridge_pk=pk, now_us=to_us(plant.clock()))


def answer(plant: Database, outcome: Outcome = Outcome.done, document: Any = None, code: str = "") -> CommandView:
    """The bridge answers the newest command that waits."""
    command = waiting(plant)[-1]
    result = CommandResult(outcome, code, "", {} if document is None else to_document(document))
    plant.write_now(record_command_result, actor=None, bridge_id=BRIDGE, command_id=command.id, result=result)
    return command


def bound(plant: Database) -> dict[str, str]:
    """Tags of PRESS-2 and their signals."""
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    found = plant.read_now(list_bindings, bridge_pk=pk)
    return {b.tag: b.signal.value for b in found if b.tag.startswith("PRESS-2.")}


def test_the_bridge_looks_proposes_watches_and_browses(plant: Database) -> None:
    it = begin(plant)
    assert [(c.kind, c.payload["url"], c.payload["propose"]) for c in waiting(plant)] == [("browse", URL, True)]
    seen = Seen(GOOD.key, "constant", 2.0)
    answer(plant, document=Proposals([ProposedTag(NODE, "Good", "counter", "good", 0.9, seen=seen)], own="urn:press-2"))
    view = setup(plant, it)
    assert view.steps[SetupStep.propose].standing is CommandState.done
    assert view.proposals is not None
    assert view.seen == {GOOD.key: seen}
    choose(plant, it, GOOD)
    do(plant, ask_watch, it)
    assert waiting(plant)[-1].payload["keys"] == [GOOD.key]
    rose = Seen(GOOD.key, "rising", 60.0, 14, "7", "29", 1, 2)
    answer(plant, document=SeenList([rose]))
    assert setup(plant, it).seen == {GOOD.key: rose}
    for root in ("", "i=5"):
        do(plant, ask_level, it, root=root)
        answer(plant, document=NodeList([replace(NODE, name=f"below {root}")]))
    level = plant.read_now(get_tree_level, setup_id=it, root="i=5", now_us=to_us(plant.clock()))
    found = level.node(GOOD.key)
    assert found is not None
    assert found.name == "below i=5"


def test_a_bridge_that_is_away_is_not_asked_twice_and_its_silence_ends(plant: Database, clock: SettableClock) -> None:
    it = begin(plant)
    do(plant, ask_look, it)
    assert len(waiting(plant)) == 1
    clock.advance(seconds=61)
    assert setup(plant, it).steps[SetupStep.propose].standing is CommandState.expired
    do(plant, ask_look, it)
    assert len(waiting(plant)) == 1
    assert setup(plant, it).steps[SetupStep.propose].standing is CommandState.waiting


def test_what_another_version_answers_is_no_proposal(plant: Database) -> None:
    it = begin(plant)
    answer(plant, document=NodeList([NODE]))
    assert setup(plant, it).proposals is None


def test_what_is_applied_means_something_before_the_bridge_sends_it(plant: Database) -> None:
    it = begin(plant)
    choose(plant, it, GOOD, STATE)
    apply(plant, it)
    assert bound(plant) == {"PRESS-2.Good": "counter", "PRESS-2.State": "equipment-state"}
    command = answer(plant)
    assert command.kind == "apply-map"
    assert command.payload["endpoint"]["name"] == "PRESS-2"
    assert command.payload["endpoint"]["tags"] == [
        {"tag": "PRESS-2.Good", "node": GOOD.node, "tag_class": "counter"},
        {"tag": "PRESS-2.State", "node": "i=85", "tag_class": "state", "path": ["State"]},
    ]
    assert setup(plant, it).state is SetupState.applied
    assert len(bound(plant)) == 2
    choose(plant, it, replace(GOOD, slot=ModelSlot.cycles))
    apply(plant, it)
    answer(plant)
    assert setup(plant, it).state is SetupState.applied


@pytest.mark.parametrize("outcome", [Outcome.refused, Outcome.expired])
def test_nothing_is_left_of_what_the_bridge_refuses(plant: Database, outcome: Outcome) -> None:
    it = begin(plant)
    choose(plant, it, GOOD)
    before = plant.read_now(get_bridge, bridge_id=BRIDGE).bindings_mark
    apply(plant, it)
    answer(plant, outcome, code="tag-map-refused")
    assert bound(plant) == {}
    assert setup(plant, it).state is SetupState.open
    assert setup(plant, it).choices == (GOOD,)
    assert plant.read_now(get_bridge, bridge_id=BRIDGE).bindings_mark != before
    apply(plant, it)
    answer(plant)
    assert setup(plant, it).state is SetupState.applied


def test_what_nobody_knows_stays_bound_until_somebody_decides(plant: Database) -> None:
    it = begin(plant)
    choose(plant, it, GOOD)
    apply(plant, it)
    answer(plant, Outcome.failed, code="bridge-restarted")
    assert setup(plant, it).state is SetupState.applying
    assert len(bound(plant)) == 1
    apply(plant, it)
    answer(plant)
    assert setup(plant, it).state is SetupState.applied


def test_an_answer_that_comes_after_all_counts(plant: Database, clock: SettableClock) -> None:
    it = begin(plant)
    choose(plant, it, GOOD)
    apply(plant, it)
    late = waiting(plant)[-1]
    clock.advance(seconds=61)
    assert setup(plant, it).steps[SetupStep.apply].standing is CommandState.expired
    assert len(bound(plant)) == 1
    done = CommandResult(Outcome.done)
    plant.write_now(record_command_result, actor=None, bridge_id=BRIDGE, command_id=late.id, result=done)
    assert setup(plant, it).state is SetupState.applied


def test_a_tag_by_which_something_was_recorded_is_not_unbound(plant: Database) -> None:
    it = begin(plant)
    choose(plant, it, GOOD, STATE)
    apply(plant, it)
    box = Box(plant)
    box.say(box.sample("PRESS-2.Good", 5))
    answer(plant, Outcome.refused)
    assert bound(plant) == {"PRESS-2.Good": "counter"}
    apply(plant, it)
    assert len(bound(plant)) == 2


def test_giving_up_leaves_nothing_and_a_machine_in_use_stays(plant: Database, clock: SettableClock) -> None:
    it = begin(plant)
    choose(plant, it, GOOD)
    apply(plant, it)
    with pytest.raises(SetupClosed):
        do(plant, give_up_setup, it, version=setup(plant, it).version)
    clock.advance(seconds=61)
    do(plant, give_up_setup, it, version=setup(plant, it).version)
    assert (bound(plant), setup(plant, it).state) == ({}, SetupState.given_up)
    with pytest.raises(SetupClosed):
        do(plant, ask_look, it)
    other = begin(plant)
    choose(plant, other, GOOD)
    apply(plant, other)
    answer(plant)
    do(plant, give_up_setup, other, version=setup(plant, other).version)
    assert len(bound(plant)) == 1


def in_use(plant: Database, *choices: Choice, **over: str) -> str:
    it = begin(plant, **over)
    choose(plant, it, *choices)
    apply(plant, it)
    answer(plant)
    return it


@pytest.mark.parametrize("outcome", [Outcome.refused, Outcome.expired])
def test_a_refusal_takes_back_what_was_new_and_no_more(plant: Database, outcome: Outcome) -> None:
    it = in_use(plant, GOOD)
    choose(plant, it, replace(GOOD, slot=ModelSlot.measurement), STATE)
    apply(plant, it)
    assert bound(plant) == {"PRESS-2.Good": "measurement", "PRESS-2.State": "equipment-state"}
    answer(plant, outcome)
    assert bound(plant) == {"PRESS-2.Good": "counter"}
    assert setup(plant, it).state is SetupState.open
    apply(plant, it)
    answer(plant)
    assert (len(bound(plant)), setup(plant, it).state) == (2, SetupState.applied)


def test_a_tag_left_out_of_a_machine_in_use_keeps_its_meaning(plant: Database) -> None:
    it = in_use(plant, GOOD, STATE)
    for outcome in (Outcome.done, Outcome.refused):
        choose(plant, it, STATE)
        apply(plant, it)
        answer(plant, outcome)
    assert len(bound(plant)) == 2


def test_giving_up_changes_leaves_the_machine_in_use(plant: Database, clock: SettableClock) -> None:
    it = in_use(plant, GOOD)
    choose(plant, it, STATE)
    do(plant, give_up_setup, it, version=setup(plant, it).version)
    assert (setup(plant, it).state, setup(plant, it).choices) == (SetupState.applied, (GOOD,))
    choose(plant, it, GOOD, STATE)
    apply(plant, it)
    late = waiting(plant)[-1]
    clock.advance(seconds=61)
    do(plant, give_up_setup, it, version=setup(plant, it).version)
    assert (setup(plant, it).state, bound(plant)) == (SetupState.applied, {"PRESS-2.Good": "counter"})
    answer_late(plant, late)
    assert (setup(plant, it).choices, len(bound(plant))) == ((GOOD, STATE), 2)


def test_what_is_in_use_is_not_what_was_chosen_after_it_was_asked_for(plant: Database, clock: SettableClock) -> None:
    it = begin(plant)
    choose(plant, it, GOOD)
    apply(plant, it)
    late = waiting(plant)[-1]
    clock.advance(seconds=61)
    choose(plant, it, STATE)
    answer_late(plant, late)
    assert (setup(plant, it).state, setup(plant, it).choices) == (SetupState.open, (STATE,))
    apply(plant, it)
    answer(plant, Outcome.refused)
    assert bound(plant) == {"PRESS-2.Good": "counter"}
    do(plant, give_up_setup, it, version=setup(plant, it).version)
    assert (setup(plant, it).state, setup(plant, it).choices) == (SetupState.applied, (GOOD,))


def test_what_was_given_up_after_a_change_is_bound_as_the_bridge_took_it(plant: Database, clock: SettableClock) -> None:
    it = begin(plant)
    choose(plant, it, GOOD)
    apply(plant, it)
    late = waiting(plant)[-1]
    clock.advance(seconds=61)
    choose(plant, it, STATE)
    do(plant, give_up_setup, it, version=setup(plant, it).version)
    answer_late(plant, late)
    assert (setup(plant, it).choices, bound(plant)) == ((GOOD,), {"PRESS-2.Good": "counter"})


def answer_late(plant: Database, command: CommandView) -> None:
    done = CommandResult(Outcome.done)
    plant.write_now(record_command_result, actor=None, bridge_id=BRIDGE, command_id=command.id, result=done)


def test_a_binding_never_has_the_key_of_one_that_is_gone(plant: Database) -> None:
    """History knows a binding by its key alone, and stays when the binding is taken back."""
    it = begin(plant)
    choose(plant, it, GOOD)
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    before = {b.pk for b in plant.read_now(list_bindings, bridge_pk=pk)}
    apply(plant, it)
    gone = {b.pk for b in plant.read_now(list_bindings, bridge_pk=pk)} - before
    answer(plant, Outcome.refused)
    spec = TagBindingSpec("OTHER.Current", "measurement", CELL)
    plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[spec])
    [new] = {b.pk for b in plant.read_now(list_bindings, bridge_pk=pk)} - before
    assert new > max(gone)


def test_what_was_given_up_and_taken_all_the_same_is_bound_again(plant: Database, clock: SettableClock) -> None:
    it = begin(plant)
    choose(plant, it, GOOD)
    apply(plant, it)
    late = waiting(plant)[-1]
    clock.advance(seconds=61)
    do(plant, give_up_setup, it, version=setup(plant, it).version)
    assert bound(plant) == {}
    done = CommandResult(Outcome.done)
    plant.write_now(record_command_result, actor=None, bridge_id=BRIDGE, command_id=late.id, result=done)
    assert (bound(plant), setup(plant, it).state) == ({"PRESS-2.Good": "counter"}, SetupState.applied)


def test_no_two_machines_of_a_bridge_have_one_name(plant: Database) -> None:
    it = begin(plant)
    with pytest.raises(SetupInvalid):
        begin(plant)
    do(plant, give_up_setup, it, version=setup(plant, it).version)
    begin(plant)


def test_only_so_many_levels_are_kept(plant: Database) -> None:
    it = begin(plant)
    for number in range(LEVELS_MAX + 2):
        do(plant, ask_level, it, root=f"i={number}")
    now_us = to_us(plant.clock())
    kept = [plant.read_now(get_tree_level, setup_id=it, root=f"i={n}", now_us=now_us).step for n in (0, 1, 2, 201)]
    assert [step is not None for step in kept] == [False, False, True, True]
    with pytest.raises(SetupInvalid):
        do(plant, ask_level, it, root="i=5\x00")


def test_a_part_of_a_line_counts_for_the_jobs_of_the_line(plant: Database) -> None:
    it = begin(plant, equipment_id=LINE)
    answer(plant, document=Proposals([proposed("a", "good", 0.9), proposed("b", "state", 0.9)]))
    pick(plant, it, Pick("a", ModelSlot.good, equipment_id=CELL), Pick("b", ModelSlot.state))
    apply(plant, it)
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    found = {b.tag: b for b in plant.read_now(list_bindings, bridge_pk=pk)}
    line, cell = (plant.read_now(get_equipment, equipment_id=place).pk for place in (LINE, CELL))
    good, state = found["PRESS-2.a"], found["PRESS-2.b"]
    assert (good.equipment_pk, good.counting_point_of_pk, state.equipment_pk) == (cell, line, line)
    answer(plant)
    with pytest.raises(SetupInvalid):
        pick(plant, it, Pick("a", ModelSlot.good, equipment_id="NOWHERE"))
    with pytest.raises(SetupInvalid):
        pick(plant, it, *(Pick(key, ModelSlot.good, equipment_id=CELL) for key in ("a", "b")))


def test_two_at_once_do_not_overwrite_each_other(plant: Database) -> None:
    it = begin(plant)
    seen = setup(plant, it).version
    do(plant, choose_signals, it, version=seen, choices=[GOOD])
    for verb, more in ((choose_signals, {"choices": [STATE]}), (apply_setup, {}), (give_up_setup, {})):
        with pytest.raises(VersionConflict):
            do(plant, verb, it, version=seen, **more)
    assert setup(plant, it).choices == (GOOD,)
    apply(plant, it)
    for verb, more in ((choose_signals, {"choices": [STATE]}), (apply_setup, {})):
        with pytest.raises(SetupClosed):
            do(plant, verb, it, version=setup(plant, it).version, **more)


def test_a_tag_that_means_something_else_is_not_taken_over(plant: Database) -> None:
    spec = TagBindingSpec("PRESS-2.Good", "measurement", PRESS)
    plant.write_now(put_tag_bindings, actor=None, bridge_id=BRIDGE, bindings=[spec])
    it = begin(plant)
    choose(plant, it, GOOD)
    with pytest.raises(TagTaken):
        apply(plant, it)
    assert bound(plant) == {"PRESS-2.Good": "measurement"}
    assert setup(plant, it).state is SetupState.open


@pytest.mark.parametrize(
    "choices",
    [
        [GOOD, replace(GOOD, tag="Other")],
        [STATE, replace(STATE, tag="Other", slot=ModelSlot.machinery_state)],
        [GOOD, replace(STATE, tag="Good")],
        [replace(GOOD, slot=ModelSlot.scrap)],
        [replace(GOOD, tag="")],
        [replace(GOOD, tag="x" * 200)],
        [replace(GOOD, node="x" * 1_001)],
        [replace(GOOD, tag=f"T{n}", slot=ModelSlot.alarm) for n in range(101)],
    ],
)
def test_what_does_not_fit_is_refused_whole(plant: Database, choices: list[Choice]) -> None:
    it = begin(plant)
    with pytest.raises(SetupInvalid) as refused:
        choose(plant, it, *choices)
    assert refused.value.errors
    assert setup(plant, it).choices == ()


@pytest.mark.parametrize(
    ("over", "refusal"),
    [
        ({"url": "http://x"}, SetupInvalid),
        ({"url": "opc.tcp://a b"}, SetupInvalid),
        ({"url": "opc.tcp://" + "x" * 300}, SetupInvalid),
        ({"name": "a b"}, SetupInvalid),
        ({"name": 'x"\n'}, SetupInvalid),
        ({"bridge_id": "nobody"}, BridgeNotFound),
        ({"equipment_id": "NOWHERE"}, EquipmentNotFound),
        ({"template_id": "none"}, TemplateNotFound),
    ],
)
def test_a_place_that_cannot_be_is_refused(plant: Database, over: dict[str, str], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        begin(plant, **over)
    assert waiting(plant) == ()


def test_a_template_is_for_like_machines(plant: Database) -> None:
    it = begin(plant)
    with pytest.raises(SetupClosed):
        do(plant, save_template, it, template_id="press")
    answer(plant, document=Proposals([], own="urn:press-2"))
    choose(plant, it, GOOD, STATE)
    for _ in range(2):
        do(plant, save_template, it, template_id="press")
    [template] = plant.read_now(list_templates)
    assert (template.id, template.signals) == ("press", 2)
    with pytest.raises(SetupInvalid):
        do(plant, save_template, it, template_id="a/b")
    like = setup(plant, begin(plant, name="PRESS-3", template_id="press"))
    good, state = like.choices
    assert good.key == good.node == "nsu=urn:lineside:own-namespace;s=PRESS-3.Good"
    assert (state.key, state.path) == (STATE.key, STATE.path)


def test_what_nobody_went_on_with_is_forgotten(plant: Database, clock: SettableClock) -> None:
    old = begin(plant)
    answer(plant, document=Proposals([]))
    clock.advance(days=13)
    young = begin(plant, name="PRESS-3")
    clock.advance(days=2)
    plant.write_now(forget_old_setups, actor=None)
    assert [one.id for one in plant.read_now(list_setups)] == [young]
    with pytest.raises(SetupNotFound):
        setup(plant, old)


def test_a_machine_whose_tags_are_bound_is_not_forgotten(plant: Database, clock: SettableClock) -> None:
    changed = in_use(plant, GOOD)
    choose(plant, changed, STATE)
    unknown = begin(plant, name="PRESS-3")
    choose(plant, unknown, GOOD)
    apply(plant, unknown)
    clock.advance(days=15)
    plant.write_now(forget_old_setups, actor=None)
    assert {one.id for one in plant.read_now(list_setups)} == {changed, unknown}
    apply(plant, changed)
    do(plant, give_up_setup, unknown, version=setup(plant, unknown).version)
    clock.advance(days=15)
    plant.write_now(forget_old_setups, actor=None)
    assert [one.id for one in plant.read_now(list_setups)] == [changed]


@pytest.mark.parametrize(
    "choice",
    [
        replace(GOOD, tag="Go\x00od"),
        replace(GOOD, slot=ModelSlot.scrap, reason_id="scr\x00atch"),
        replace(GOOD, equipment_id="CELL\x00"),
        replace(GOOD, slot=ModelSlot.measurement, unit="\x00"),
    ],
)
def test_a_character_that_no_table_takes_is_refused(plant: Database, choice: Choice) -> None:
    it = begin(plant)
    with pytest.raises(SetupInvalid, match="NUL"):
        choose(plant, it, choice)
    now_us = to_us(plant.clock())
    assert plant.read_now(get_tree_level, setup_id=it, root="i=5\x00", now_us=now_us).nodes is None


def test_a_job_does_not_wait_for_looks(plant: Database) -> None:
    it = begin(plant)
    for number in range(60):
        do(plant, ask_level, it, root=f"i={number}")
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    expires_at_us = to_us(plant.clock()) + 60_000_000
    job = {"bridge_pk": pk, "kind": CommandKind.job, "expires_at_us": expires_at_us}
    ids = [plant.write_now(put_command, actor=None, payload={}, **job) for _ in range(2)]
    handed_out = waiting(plant)
    assert [command.id for command in handed_out[:2]] == ids
    assert [command.kind for command in handed_out[2:]] == ["browse"] * 48


def test_there_is_an_end_to_how_many(plant: Database) -> None:
    for number in range(OPEN_MAX):
        begin(plant, name=f"M-{number}")
    with pytest.raises(TooManySetups):
        begin(plant)


def proposed(key: str, slot: str, confidence: float, data_type: str = "UInt32") -> ProposedTag:
    node = Node(key, key, [], f"/M/{key}", key, "variable", data_type)
    return ProposedTag(node, key, "counter", slot, confidence, seen=Seen(key, "wandering"))


def pick(plant: Database, setup_id: str, *picks: Pick) -> None:
    do(plant, pick_signals, setup_id, version=setup(plant, setup_id).version, picks=picks)


def test_signals_are_picked_by_key_among_what_was_seen(plant: Database) -> None:
    it = begin(plant)
    tags = [
        proposed("a", "good", 0.9),
        proposed("b", "good", 0.85),
        proposed("c", "scrap", 0.9),
        proposed("d", "state", 0.7),
        proposed("e", "measurement", 0.8),
    ]
    answer(plant, document=Proposals(tags))
    assert setup(plant, it).suggested == {"a": Pick("a", ModelSlot.good), "e": Pick("e", ModelSlot.measurement)}
    pick(plant, it, Pick("b", ModelSlot.good, "scratch"), Pick("c", ModelSlot.scrap, "scratch"))
    view = setup(plant, it)
    assert [(c.key, c.slot, c.reason_id) for c in view.choices] == [("b", "good", ""), ("c", "scrap", "scratch")]
    assert view.doubtful == {"b", "c"}
    with pytest.raises(SetupInvalid):
        pick(plant, it, Pick("nobody's", ModelSlot.good))
    with pytest.raises(VersionConflict):
        do(plant, pick_signals, it, version=1, picks=[])


def test_a_variable_of_the_tree_is_added_once_under_a_name_of_its_own(plant: Database) -> None:
    it = begin(plant)
    nodes = [
        replace(NODE, key=key, data_type=kind) for key, kind in (("a", "Boolean"), ("b", "String"), ("c", "Float"))
    ]
    answer(plant, document=Proposals([ProposedTag(nodes[0], "Good", "alarm", "alarm", 0.5)]))
    do(plant, ask_level, it)
    answer(plant, document=NodeList(nodes))
    for key in ("a", "b", "a", "c"):
        do(plant, add_signal, it, root="", key=key)
    found = [(c.key, c.tag, c.slot) for c in setup(plant, it).choices]
    assert found == [("a", "Good", "alarm"), ("b", "Good-2", "serial"), ("c", "Good-3", "measurement")]
    with pytest.raises(SetupInvalid):
        do(plant, add_signal, it, root="", key="d")
    with pytest.raises(SetupInvalid):
        do(plant, add_signal, it, root="elsewhere", key="a")
