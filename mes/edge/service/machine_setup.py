"""A machine set up on screen: looked at through a bridge, chosen from, bound, and put into the bridge's tag map.

Bindings come first and the bridge's tag map second, in that order: what the bridge hands in means something from its
first value on. If the bridge refuses, the bindings made for it go again, in the unit that keeps its answer; those of a
machine in use stay, and mean again what they did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils import uuid7

from mes.edge.errors import SetupClosed, SetupInvalid, TagTaken, TemplateNotFound, TooManySetups
from mes.edge.queries import get_bridge, get_setup, get_tree_level
from mes.edge.service.bridges import put_command, put_tag_bindings
from mes.edge.setup_rules import (
    bindings_of,
    choice_faults,
    endpoint_of,
    for_machine,
    from_tree,
    full_tag,
    known_signals,
    like_others,
    may_change,
    picked,
    place_faults,
)
from mes.edge.tables import (
    Bridge,
    CommandRow,
    MachineSetupRow,
    MachineSetupStepRow,
    MachineTemplateRow,
    TagBindingRow,
)
from mes.edge.types import Choice, CommandState, Pick, SetupContent, SetupState, SetupStep, SetupView
from mes.equipment.errors import EquipmentNotFound
from mes.equipment.queries import get_equipment_pks
from mes.kernel.errors import FieldError, VersionConflict
from mes.kernel.uow import UnitOfWork
from standards.lineside.commands_v1 import (
    ApplyEndpointCommand,
    CommandKind,
    LookCommand,
    Outcome,
    WatchCommand,
    to_document,
)

_SETUP = MachineSetupRow.__table__  # type: ignore[attr-defined]
_STEP = MachineSetupStepRow.__table__  # type: ignore[attr-defined]
_TEMPLATE = MachineTemplateRow.__table__  # type: ignore[attr-defined]
_COMMAND = CommandRow.__table__  # type: ignore[attr-defined]
_BINDING = TagBindingRow.__table__  # type: ignore[attr-defined]
_BRIDGE = Bridge.__table__  # type: ignore[attr-defined]
OPEN_MAX: Final = 50
KEEP_US: Final = 14 * 86_400_000_000
"""A set-up nobody went on with for so long is forgotten, and so are answers to looks."""
LEVELS_MAX: Final = 200
"""Levels of a machine's tree that are kept."""
LOOK_WITHIN_US: Final = 60_000_000
WATCH_S: Final = 60.0
APPLY_WITHIN_US: Final = 60_000_000
_READ = msgspec.json.Decoder(SetupContent).decode
_READ_CHOICES = msgspec.json.Decoder(list[Choice]).decode


def begin_setup(
    uow: UnitOfWork, *, bridge_id: str, equipment_id: str, name: str, url: str, template_id: str = ""
) -> str:
    """Begin, and have the bridge look at the machine; answers the id. With a template its signals are chosen already.

    `machine-setup-invalid`, `bridge-not-found`, `equipment-not-found`, `too-many-machine-setups`,
    `machine-template-not-found`.
    """
    _refuse(place_faults(name, url))
    bridge = get_bridge(uow.session, bridge_id=bridge_id)
    equipment_pk = get_equipment_pks(uow.session, [equipment_id]).get(equipment_id)
    if equipment_pk is None:
        raise EquipmentNotFound(f"There is no equipment {equipment_id!r}.")
    choices = for_machine(_template(uow, template_id), machine=name) if template_id else []
    _refuse(choice_faults(name, choices))
    _refuse_taken_name(uow, bridge.pk, name)
    unfinished = _SETUP.c.state.in_((SetupState.open, SetupState.applying))
    if uow.execute(select(func.count()).select_from(_SETUP).where(unfinished)).scalar_one() >= OPEN_MAX:
        raise TooManySetups(f"{OPEN_MAX} are being set up.")
    setup_id = str(uuid7())
    uow.execute(
        insert(_SETUP).values(
            id=setup_id,
            bridge_pk=bridge.pk,
            equipment_pk=equipment_pk,
            name=name,
            url=url,
            state=SetupState.open,
            content=_written(SetupContent(choices)),
            version=1,
            begun_by_pk=uow.actor,
            begun_at_us=uow.now_us,
            changed_at_us=uow.now_us,
        )
    )
    ask_look(uow, setup_id=setup_id)
    return setup_id


def ask_look(uow: UnitOfWork, *, setup_id: str) -> None:
    """Have the bridge look at the whole machine and propose. Nothing happens while it is at it."""
    setup = _open(uow, setup_id)
    payload = to_document(LookCommand(setup.url, setup.name, propose=True))
    _ask(uow, setup, SetupStep.propose, CommandKind.browse, payload, within_us=LOOK_WITHIN_US)


def ask_level(uow: UnitOfWork, *, setup_id: str, root: str = "") -> None:
    """Have the bridge look at what is right below a node (its key; empty: Objects). `machine-setup-invalid`."""
    setup = _open(uow, setup_id)
    if "\x00" in root:
        raise SetupInvalid("No node has such a key.")
    payload = to_document(LookCommand(setup.url, setup.name, root=root))
    _ask(uow, setup, SetupStep.browse, CommandKind.browse, payload, node=root, within_us=LOOK_WITHIN_US)


def ask_watch(uow: UnitOfWork, *, setup_id: str) -> None:
    """Have the bridge watch what was chosen for a minute. `machine-setup-closed` if nothing is chosen."""
    setup = _open(uow, setup_id)
    if not setup.choices:
        raise SetupClosed("Nothing is chosen yet.")
    keys = [choice.key for choice in setup.choices]
    payload = to_document(WatchCommand(setup.url, keys, setup.name, WATCH_S))
    within_us = LOOK_WITHIN_US + int(WATCH_S * 1_000_000)
    _ask(uow, setup, SetupStep.watch, CommandKind.watch, payload, within_us=within_us)


def choose_signals(uow: UnitOfWork, *, setup_id: str, version: int, choices: Sequence[Choice]) -> None:
    """What the machine's signals are, in place of what was chosen before. `machine-setup-invalid`,
    `machine-setup-closed`, `version-conflict` if somebody else chose meanwhile."""
    setup = _at(uow, setup_id, version)
    _refuse(choice_faults(setup.name, choices))
    places = {choice.equipment_id for choice in choices if choice.equipment_id}
    unknown = places - set(get_equipment_pks(uow.session, places))
    _refuse(("equipment", f"there is no equipment {place!r}") for place in sorted(unknown))
    content = msgspec.structs.replace(_content(uow, setup_id), choices=list(choices))
    _change(uow, setup, content=_written(content), state=SetupState.open)


def pick_signals(uow: UnitOfWork, *, setup_id: str, version: int, picks: Sequence[Pick]) -> None:
    """Choose by key and slot among what was proposed and what is chosen already; what is not picked is left out.
    As `choose_signals`; also `machine-setup-invalid` for a key nobody knows."""
    setup = _at(uow, setup_id, version)
    known = known_signals(setup)
    _refuse(("", "a signal that was not seen") for pick in picks if pick.key not in known)
    made = [picked(known[pick.key], pick) for pick in picks]
    choose_signals(uow, setup_id=setup_id, version=version, choices=made)


def add_signal(uow: UnitOfWork, *, setup_id: str, root: str, key: str) -> None:
    """Add a variable of the tree to what is chosen, as what its data type makes likely; nothing if it is there.
    `machine-setup-invalid` if that level of the tree does not have it."""
    setup = _open(uow, setup_id)
    node = get_tree_level(uow.session, setup_id=setup_id, root=root, now_us=uow.now_us).node(key)
    if node is None:
        raise SetupInvalid("This node is not in the tree any more.")
    if key not in {choice.key for choice in setup.choices}:
        choices = [*setup.choices, from_tree(node, taken={choice.tag for choice in setup.choices})]
        choose_signals(uow, setup_id=setup_id, version=setup.version, choices=choices)


def apply_setup(uow: UnitOfWork, *, setup_id: str, version: int) -> None:
    """Bind what was chosen and ask the bridge to put the machine into its tag map. Again is fine: the same changes
    nothing. `machine-setup-closed`, `tag-taken`, `version-conflict`."""
    setup = _at(uow, setup_id, version)
    if not setup.choices:
        raise SetupClosed("Nothing is chosen yet.")
    content = _content(uow, setup_id)
    if taken := _taken(uow, setup, setup.choices, content.bound):
        raise TagTaken(f"{setup.bridge.id} has bindings of {', '.join(sorted(taken)[:10])}.")
    specs = bindings_of(setup.name, setup.equipment_id, setup.choices)
    put_tag_bindings(uow, bridge_id=setup.bridge.id, bindings=specs)
    bound = sorted({*content.bound, *(spec.tag for spec in specs)})
    content = msgspec.structs.replace(content, bound=bound, asked=list(setup.choices))
    _change(uow, setup, content=_written(content), state=SetupState.applying)
    payload = to_document(ApplyEndpointCommand(endpoint_of(setup.name, setup.url, setup.choices)))
    _ask(uow, setup, SetupStep.apply, CommandKind.apply_map, payload, within_us=APPLY_WITHIN_US)


def note_map_result(uow: UnitOfWork, *, command_id: str, outcome: Outcome) -> None:
    """The bridge has answered to a tag map. Refused, or too late: what was bound for it is unbound again. Failed:
    nobody knows, so the bindings stay."""
    found = uow.execute(
        select(_SETUP.c.id)
        .join(_STEP, _STEP.c.setup_pk == _SETUP.c.pk)
        .join(_COMMAND, _COMMAND.c.pk == _STEP.c.command_pk)
        .where(_COMMAND.c.id == command_id, _STEP.c.what == SetupStep.apply)
    ).scalar()
    if found is None:
        return
    setup = get_setup(uow.session, setup_id=found, now_us=uow.now_us)
    content = _content(uow, setup.id)
    if outcome is Outcome.done and setup.state in (SetupState.given_up, SetupState.applied):
        _bind_again(uow, setup, content)
    elif outcome is Outcome.done:
        state = SetupState.applied if setup.state is SetupState.applying else setup.state
        _change(uow, setup, content=_written(_in_use(content)), state=state)
    elif outcome is not Outcome.failed and setup.state is SetupState.applying:
        _change(uow, setup, content=_written(_taken_back(uow, setup, content)), state=SetupState.open)


def give_up_setup(uow: UnitOfWork, *, setup_id: str, version: int) -> None:
    """Go no further. What was bound for a tag map that the bridge never took is unbound; a machine in use stays, as
    the bridge has it."""
    setup = _at(uow, setup_id, version)
    content, state = _content(uow, setup_id), SetupState.given_up
    if setup.state is not SetupState.applied:
        content = _taken_back(uow, setup, content)
    if content.in_use:
        content, state = msgspec.structs.replace(content, choices=content.taken), SetupState.applied
    _change(uow, setup, content=_written(content), state=state)


def save_template(uow: UnitOfWork, *, setup_id: str, template_id: str) -> None:
    """Keep what was chosen for machines like this one, in place of a template of the same name.
    `machine-setup-invalid`, `machine-setup-closed` if nothing is chosen."""
    setup = get_setup(uow.session, setup_id=setup_id, now_us=uow.now_us)
    _refuse((field, text) for field, text in place_faults(template_id, setup.url) if field == "name")
    if not setup.choices:
        raise SetupClosed("Nothing is chosen yet.")
    own = setup.proposals.own if setup.proposals is not None else ""
    general = like_others(setup.choices, machine=setup.name, own=own)
    values = {
        "choices": msgspec.json.encode(general).decode(),
        "saved_by_pk": uow.actor,
        "saved_at_us": uow.now_us,
    }
    there = uow.execute(select(_TEMPLATE.c.pk).where(_TEMPLATE.c.id == template_id)).scalar()
    if there is None:
        uow.execute(insert(_TEMPLATE).values(id=template_id, **values))
    else:
        uow.execute(update(_TEMPLATE).where(_TEMPLATE.c.pk == there).values(**values))
    _tell(uow, setup, "edge.machine-template-saved.v1", {"template": template_id, "signals": len(general)})


def forget_old_setups(uow: UnitOfWork) -> None:
    """Drop set-ups nobody went on with, and what bridges answered to looks long ago (called hourly). Machines in use
    stay: there they are changed. So do those with bindings: without its set-up nobody could take a tag again."""
    before_us = uow.now_us - KEEP_US
    old = select(_SETUP).where(_SETUP.c.changed_at_us < before_us, _SETUP.c.state != SetupState.applied)
    rows = uow.execute(old).all()
    gone = [row.pk for row in rows if row.state == SetupState.given_up or not _READ(row.content).bound]
    uow.execute(delete(_STEP).where(_STEP.c.setup_pk.in_(gone)))
    uow.execute(delete(_SETUP).where(_SETUP.c.pk.in_(gone)))
    looks = _COMMAND.c.kind.in_((CommandKind.browse, CommandKind.watch))
    due = (looks, _COMMAND.c.finished_at_us < before_us, _COMMAND.c.result != "")
    uow.execute(update(_COMMAND).where(*due).values(result=""))


# ----------------------------------------------------------------------- parts


def _refuse(faults: Any) -> None:
    found = [FieldError(field, text, "machine-setup-invalid") for field, text in faults]
    if found:
        raise SetupInvalid("; ".join(f"{e.where}: {e.message}" for e in found[:5]), errors=found[:20])


def _refuse_taken_name(uow: UnitOfWork, bridge_pk: int, name: str) -> None:
    """Two machines of one name would push each other out of the bridge's tag map."""
    same = (_SETUP.c.bridge_pk == bridge_pk, _SETUP.c.name == name, _SETUP.c.state != SetupState.given_up)
    if uow.execute(select(_SETUP.c.pk).where(*same)).first() is not None:
        _refuse([("name", "a machine is set up under this name already: go on there")])


def _bind_again(uow: UnitOfWork, setup: SetupView, content: SetupContent) -> None:
    """It was given up, and the bridge took it all the same: its values are to mean something, if nothing else took
    the tags meanwhile."""
    if not _taken(uow, setup, content.asked, content.bound):
        specs = bindings_of(setup.name, setup.equipment_id, content.asked)
        put_tag_bindings(uow, bridge_id=setup.bridge.id, bindings=specs)
        bound = sorted({*content.bound, *(spec.tag for spec in specs)})
        content = _in_use(msgspec.structs.replace(content, bound=bound, choices=content.asked))
        _change(uow, setup, content=_written(content), state=SetupState.applied)


def _in_use(content: SetupContent) -> SetupContent:
    """The bridge has what it was asked for."""
    return msgspec.structs.replace(content, in_use=content.bound, taken=content.asked)


def _taken(uow: UnitOfWork, setup: SetupView, choices: Sequence[Choice], bound: Sequence[str]) -> set[str]:
    """Tags of these choices that mean something else already."""
    tags = [full_tag(setup.name, choice) for choice in choices]
    there = select(_BINDING.c.tag).where(_BINDING.c.bridge_pk == setup.bridge.pk, _BINDING.c.tag.in_(tags))
    return set(uow.execute(there).scalars()) - set(bound)


def _open(uow: UnitOfWork, setup_id: str) -> SetupView:
    setup = get_setup(uow.session, setup_id=setup_id, now_us=uow.now_us)
    apply = setup.steps.get(SetupStep.apply)
    if not may_change(setup.state, None if apply is None else apply.standing):
        raise SetupClosed(f"It is {setup.state}.")
    return setup


def _at(uow: UnitOfWork, setup_id: str, version: int) -> SetupView:
    setup = _open(uow, setup_id)
    if setup.version != version:
        raise VersionConflict(f"You saw version {version}; it is {setup.version}.")
    return setup


def _template(uow: UnitOfWork, template_id: str) -> list[Choice]:
    found = uow.execute(select(_TEMPLATE.c.choices).where(_TEMPLATE.c.id == template_id)).scalar()
    if found is None:
        raise TemplateNotFound(f"There is no template {template_id[:80]!r}.")
    return _READ_CHOICES(found)


def _content(uow: UnitOfWork, setup_id: str) -> SetupContent:
    return _READ(uow.execute(select(_SETUP.c.content).where(_SETUP.c.id == setup_id)).scalar_one())


def _written(content: SetupContent) -> str:
    return msgspec.json.encode(content).decode()


def _change(uow: UnitOfWork, setup: SetupView, **values: Any) -> None:
    values |= {"version": _SETUP.c.version + 1, "changed_at_us": uow.now_us}
    uow.execute(update(_SETUP).where(_SETUP.c.id == setup.id).values(**values))
    _tell(uow, setup, "edge.machine-setup-changed.v1", {"state": str(values.get("state", setup.state))})


def _tell(uow: UnitOfWork, setup: SetupView, type: str, payload: Mapping[str, Any]) -> None:
    known = {"name": setup.name, "url": setup.url, "equipment": setup.equipment_id}
    topics = [f"bridge/{setup.bridge.id}"]
    uow.emit(type, topics=topics, subject=f"machine-setup/{setup.id}", payload={**known, **payload})


def _ask(
    uow: UnitOfWork,
    setup: SetupView,
    what: SetupStep,
    kind: CommandKind,
    payload: Mapping[str, Any],
    *,
    within_us: int,
    node: str = "",
) -> None:
    """Put the command in the mailbox, unless the bridge is at the same already; the step before is replaced."""
    setup_pk = uow.execute(select(_SETUP.c.pk).where(_SETUP.c.id == setup.id)).scalar_one()
    same = (_STEP.c.setup_pk == setup_pk, _STEP.c.what == what, _STEP.c.node == node)
    waiting = (
        select(_STEP.c.pk)
        .join(_COMMAND, _COMMAND.c.pk == _STEP.c.command_pk)
        .where(*same, _COMMAND.c.state == CommandState.waiting, _COMMAND.c.expires_at_us > uow.now_us)
    )
    if uow.execute(waiting).first() is not None:
        return
    command_id = put_command(
        uow, bridge_pk=setup.bridge.pk, kind=kind, payload=payload, expires_at_us=uow.now_us + within_us
    )
    command_pk = uow.execute(select(_COMMAND.c.pk).where(_COMMAND.c.id == command_id)).scalar_one()
    uow.execute(delete(_STEP).where(*same))
    newest = select(_STEP.c.pk).where(_STEP.c.setup_pk == setup_pk).order_by(_STEP.c.pk.desc())
    oldest = uow.execute(newest.where(_STEP.c.what == SetupStep.browse).offset(LEVELS_MAX - 1)).scalars().all()
    uow.execute(delete(_STEP).where(_STEP.c.pk.in_(oldest)))
    uow.execute(insert(_STEP).values(setup_pk=setup_pk, what=what, node=node, command_pk=command_pk))


def _taken_back(uow: UnitOfWork, setup: SetupView, content: SetupContent) -> SetupContent:
    """Without the bindings that were made for it; those in use mean what the bridge has taken, and one by which
    something has been recorded already stays."""
    kept = [tag for tag in content.bound if tag in content.in_use or not _unbind(uow, setup.bridge.pk, tag)]
    specs = bindings_of(setup.name, setup.equipment_id, content.taken)
    put_tag_bindings(uow, bridge_id=setup.bridge.id, bindings=specs)
    uow.execute(update(_BRIDGE).where(_BRIDGE.c.pk == setup.bridge.pk).values(bindings_mark=str(uuid7())))
    return msgspec.structs.replace(content, bound=kept)


def _unbind(uow: UnitOfWork, bridge_pk: int, tag: str) -> bool:
    uow.flush()
    try:
        with uow.connection.begin_nested():
            uow.connection.execute(delete(_BINDING).where(_BINDING.c.bridge_pk == bridge_pk, _BINDING.c.tag == tag))
    except IntegrityError:
        return False
    return True
