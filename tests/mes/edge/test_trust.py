"""A person decides about the certificate of a machine's server; the bridge is asked, and only it makes it so."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from mes.access.service import create_principal
from mes.access.types import Role
from mes.edge.errors import BridgeNotFound, CertificateDecided, CertificateUnknown
from mes.edge.queries import get_bridge, get_bridge_report, list_trust_commands, list_waiting_commands
from mes.edge.service import decide_certificate, finish_command, record_bridge_health
from mes.edge.types import CommandState
from mes.kernel.db import Database, ReadSession
from mes.kernel.sqltypes import to_us
from standards.lineside.commands_v1 import CommandKind, CommandResult, Outcome, TrustAction
from standards.lineside.health_v1 import BridgeHealth, CertificateNote, CertificateState
from tests.conftest import SettableClock
from tests.support.plants import BRIDGE

MARK, OLD = "a1" * 32, "b2" * 32


def told(plant: Database, state: CertificateState = CertificateState.waiting) -> None:
    notes = [CertificateNote(MARK, state, "CN=press", ends_us=5)]
    health = BridgeHealth(at_us=1, certificates=notes, certificates_total=1, certificates_waiting=[MARK, OLD])
    plant.write_now(record_bridge_health, actor=None, bridge_id=BRIDGE, health=health)


def decide(plant: Database, action: TrustAction, mark: str = MARK, actor: int | None = None) -> str:
    return plant.write_now(decide_certificate, actor=actor, bridge_id=BRIDGE, thumbprint=mark, action=action)


def finish(plant: Database, command_id: str, outcome: Outcome) -> None:
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    result = CommandResult(outcome)
    plant.write_now(finish_command, actor=None, bridge_pk=pk, command_id=command_id, result=result)


def test_the_bridge_is_asked_and_it_is_recorded_who_approved_what(plant: Database, clock: SettableClock) -> None:
    erin = plant.write_now(
        create_principal, actor=None, principal_id="erin", role=Role.engineer, display_name="Erin Engineer"
    )
    told(plant)
    decide(plant, TrustAction.approve, actor=erin)
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    [waiting] = plant.read_now(list_waiting_commands, bridge_pk=pk, now_us=to_us(clock()))
    assert (waiting.kind, waiting.payload) == (CommandKind.trust, {"action": "approve", "thumbprint": MARK})
    [decision] = plant.read_now(list_trust_commands, bridge_pk=pk)
    assert (decision.asked_by, decision.standing(to_us(clock()))) == ("Erin Engineer", CommandState.waiting)

    def recorded(session: ReadSession) -> list[tuple[int | None, str]]:
        query = "SELECT actor, payload FROM outbox_event WHERE type = 'edge.command-put.v1'"
        return [(row.actor, row.payload) for row in session.execute(text(query))]

    [(actor, payload)] = plant.read_now(recorded)
    assert (actor, json.loads(payload)["payload"]["thumbprint"]) == (erin, MARK)


def test_a_bridge_that_is_away_hears_nothing_of_it_later(plant: Database, clock: SettableClock) -> None:
    told(plant)
    decide(plant, TrustAction.approve)
    pk = plant.read_now(get_bridge, bridge_id=BRIDGE).pk
    clock.advance(seconds=121)
    assert plant.read_now(list_waiting_commands, bridge_pk=pk, now_us=to_us(clock())) == ()
    [decision] = plant.read_now(list_trust_commands, bridge_pk=pk)
    assert decision.standing(to_us(clock())) is CommandState.expired
    decide(plant, TrustAction.reject)


def test_the_second_tap_is_told_so_until_the_bridge_has_answered(plant: Database) -> None:
    told(plant)
    first = decide(plant, TrustAction.approve)
    for action in (TrustAction.approve, TrustAction.reject):
        with pytest.raises(CertificateDecided):
            decide(plant, action)
    decide(plant, TrustAction.reject, OLD)
    finish(plant, first, Outcome.refused)
    decide(plant, TrustAction.approve)


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (CertificateState.waiting, {TrustAction.approve, TrustAction.reject}),
        (CertificateState.trusted, {TrustAction.revoke}),
        (CertificateState.refused, {TrustAction.approve}),
        (CertificateState.revoked, {TrustAction.approve}),
        (CertificateState.unknown, set()),
    ],
)
def test_what_may_be_decided(plant: Database, state: CertificateState, allowed: set[TrustAction]) -> None:
    for action in TrustAction:
        told(plant, state)
        if action in allowed:
            finish(plant, decide(plant, action), Outcome.done)
        else:
            with pytest.raises(CertificateDecided):
                decide(plant, action)


def test_only_what_a_bridge_has_told_of(plant: Database) -> None:
    with pytest.raises(CertificateUnknown):
        decide(plant, TrustAction.approve)
    told(plant)
    with pytest.raises(CertificateUnknown):
        decide(plant, TrustAction.approve, "c3" * 32)
    with pytest.raises(BridgeNotFound):
        plant.write_now(decide_certificate, actor=None, bridge_id="nobody", thumbprint=MARK, action=TrustAction.approve)


def test_an_older_bridge_tells_only_that_one_waits(plant: Database) -> None:
    told(plant)
    report = plant.read_now(get_bridge_report, bridge_id=BRIDGE)
    assert [note.thumbprint for note in report.certificates] == [MARK, OLD]
    assert report.certificates[1] == CertificateNote(OLD, CertificateState.waiting)
