"""Machines that are set up, as queries would answer them: asked, proposed, refused, in use, with long names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mes.edge.types import (
    BridgeView,
    Choice,
    CommandState,
    ModelSlot,
    SetupState,
    SetupStep,
    SetupView,
    StepView,
    TemplateView,
    TreeLevel,
)
from standards.lineside.commands_v1 import Node, NodeList, Proposals, ProposedTag, Seen
from tests.web.edge_factory import LONG_NAME, LONG_URL, NOW_US

SETUP_ID = "0190f3c1-7b1e-7c2a-9d00-5a5a5a5a5a5a"
HEARD = BridgeView(1, "hall-1", "Edge box hall-1", NOW_US - 2_000_000, None)
SILENT = BridgeView(2, "hall-2", "Edge box hall-2", NOW_US - 660_000_000, NOW_US - 660_000_000)
SEEN = {
    "good": Seen("good", "rising", 60.0, 14, "4021", "4042", 1, 2, 0, 15),
    "state": Seen("state", "constant", 60.0, 0, "6", "6", distinct=1),
    "temperature": Seen("temperature", "wandering", 60.0, 51, "41.5", "42.1", distinct=7),
    "serial": Seen("serial", "fresh-values", 60.0, 14, "'SN-1'", "'SN-15'", distinct=15),
    "beat": Seen("beat", "keeping-time", 60.0, 120, "17", "137", 1, 1, 0, 121),
    "door": Seen("door", "unreadable", 60.0, status="BadUserAccessDenied"),
}


def node(key: str, name: str, data_type: str = "UInt32", value: str = "7", **over: Any) -> Node:
    return Node(key, f"nsu=urn:press;s={name}", [], f"/Press/{name}", name, "variable", data_type, value, **over)


DOOR = node("door", "Door.Open", "", "", status="BadUserAccessDenied")


def proposed() -> Proposals:
    seen = SEEN
    return Proposals(
        [
            ProposedTag(
                node("good", "GoodCount", value="4042"),
                "GoodCount",
                "counter",
                "good",
                0.91,
                ["its name 'GoodCount' has 'count', 'good'", "it is a UInt32", "rose from 4021 to 4042, 14 times"],
                [],
                seen["good"],
            ),
            ProposedTag(
                node("temperature", "Oven.Temperature", "Double", "42.1", unit="°C"),
                "Oven.Temperature",
                "measurement",
                "measurement",
                0.88,
                ["its unit is °C"],
                [],
                seen["temperature"],
            ),
            ProposedTag(node("state", "State", "Int32", "6"), "State", "state", "state", 0.62, [], [], seen["state"]),
            ProposedTag(
                node("beat", "LifeCount"),
                "LifeCount",
                "counter",
                "total",
                0.31,
                ["its name 'LifeCount' has 'count'"],
                ["it may be a clock or a sign of life: it rose evenly with time, from 17 to 137"],
                seen["beat"],
            ),
            ProposedTag(
                node("door", "Door.Open", "", "", status="BadUserAccessDenied"), "Door.Open", seen=seen["door"]
            ),
        ],
        ["PackML unit /Press"],
        "urn:press",
        3,
        "Basic256Sha256 SignAndEncrypt",
        ["/Press/Vendor: not to be browsed (BadUserAccessDenied)"],
    )


CHOICES = (
    Choice("good", "nsu=urn:press;s=GoodCount", "GoodCount", ModelSlot.good, [], "/Press/GoodCount"),
    Choice("state", "nsu=urn:press;s=State", "State", ModelSlot.state, [], "/Press/State"),
    Choice("beat", "nsu=urn:press;s=LifeCount", "LifeCount", ModelSlot.scrap, [], "/Press/LifeCount", reason_id="SB"),
)


def step(what: SetupStep, standing: CommandState, code: str = "", message: str = "") -> StepView:
    at_us = NOW_US - 20_000_000
    finished = None if standing is CommandState.waiting else at_us + 4_000_000
    return StepView(what, "", standing, code, message, at_us, at_us + 60_000_000, finished)


def setup(*steps: StepView, **over: Any) -> SetupView:
    made: dict[str, Any] = {
        "id": SETUP_ID,
        "bridge": HEARD,
        "equipment_id": "PRESS",
        "name": "PRESS-1",
        "url": "opc.tcp://192.0.2.10:4840/",
        "state": SetupState.open,
        "choices": (),
        "version": 3,
        "begun_by": "Eva Moreau",
        "begun_at_us": NOW_US - 300_000_000,
        "changed_at_us": NOW_US - 20_000_000,
        "steps": {one.what: one for one in steps},
    }
    return SetupView(**(made | over))


LOOKED = step(SetupStep.propose, CommandState.done)


def asked() -> SetupView:
    return setup(step(SetupStep.propose, CommandState.waiting))


def away() -> SetupView:
    return setup(step(SetupStep.propose, CommandState.expired), bridge=SILENT)


def untrusted() -> SetupView:
    message = "server certificate 17 is not trusted"
    return setup(step(SetupStep.propose, CommandState.refused, "certificate-untrusted", message))


def unreachable() -> SetupView:
    message = "[Errno 111] Connect call failed ('192.0.2.10', 4840)"
    return setup(step(SetupStep.propose, CommandState.refused, "machine-not-reachable", message))


def looked() -> SetupView:
    return setup(LOOKED, proposals=proposed(), seen=SEEN)


def watching() -> SetupView:
    seen = {key: SEEN[key] for key in ("good", "state")}
    return replace(looked(), choices=CHOICES, seen=seen, steps={
        SetupStep.propose: LOOKED, SetupStep.watch: step(SetupStep.watch, CommandState.waiting)
    })  # fmt: skip


def watched(**over: Any) -> SetupView:
    steps = {SetupStep.propose: LOOKED, SetupStep.watch: step(SetupStep.watch, CommandState.done)}
    return replace(looked(), **({"choices": CHOICES, "doubtful": frozenset({"beat"}), "steps": steps} | over))


def refused() -> SetupView:
    steps = {
        SetupStep.propose: LOOKED,
        SetupStep.apply: step(
            SetupStep.apply, CommandState.refused, "tag-map-refused", "endpoint: the tag map has an endpoint 'PRESS-1'"
        ),
    }
    return watched(steps=steps)


def applied() -> SetupView:
    steps = {SetupStep.propose: LOOKED, SetupStep.apply: step(SetupStep.apply, CommandState.done)}
    return watched(steps=steps, state=SetupState.applied)


def long_names() -> SetupView:
    tag = f"{LONG_NAME}.Zähler.Gutteile"
    choice = Choice("good", "x", tag, ModelSlot.good, [], "/" + "/".join([LONG_NAME] * 3))
    message = f"endpoint: {LONG_NAME} " * 3
    steps = {SetupStep.apply: step(SetupStep.apply, CommandState.expired, "", message)}
    tags = [
        ProposedTag(
            Node("good", "x", [], f"/{LONG_NAME}/{LONG_NAME}/Zähler", tag, "variable", "UInt32", "4294967295"),
            tag,
            "counter",
            "good",
            0.9,
            [f"its name {LONG_NAME!r} has 'zähler'"] * 3,
            [],
            SEEN["good"],
        )
    ]
    return setup(
        name=LONG_NAME,
        url=LONG_URL,
        choices=(choice,),
        steps=steps,
        bridge=SILENT,
        proposals=Proposals(tags),
        equipment_id="LAGERGEHAEUSE-LINIE-17-MASCHINE-42",
    )


def level() -> TreeLevel:
    objects = [Node(f"o{n}", f"o{n}", [], f"/Press/{name}", name) for n, name in enumerate(("Drive", "Safety"))]
    variables = [
        node("good", "GoodCount", value="4042"),
        node("temperature", "Temperature", "Double", "42.1", unit="°C"),
        DOOR,
    ]
    remarks = ["/Vendor: not to be browsed (BadUserAccessDenied)"]
    return TreeLevel(
        "press", step(SetupStep.browse, CommandState.done), NodeList([*variables, *objects], False, remarks)
    )


def waiting_level() -> TreeLevel:
    return TreeLevel("", step(SetupStep.browse, CommandState.waiting), None)


def long_level() -> TreeLevel:
    nodes = [
        Node("o", "o", [], f"/{LONG_NAME}/{LONG_NAME}", LONG_NAME),
        renamed(node("good", LONG_NAME + ".Zähler", "String", "'" + LONG_NAME + "'"), LONG_NAME + ".Zähler"),
    ]
    return TreeLevel("x", step(SetupStep.browse, CommandState.done), NodeList(nodes))


def renamed(one: Node, name: str) -> Node:
    return Node(one.key, one.node, [], f"/{name}/{name}", name, "variable", one.data_type, one.value)


def templates() -> tuple[TemplateView, ...]:
    return (TemplateView("press", 6, NOW_US), TemplateView("oven", 12, NOW_US))
