"""Any valid document, about anything the plant knows or not: taken, refused with a code, never anything else."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mes.exchange.b2mml.errors import B2mmlRefused
from mes.exchange.b2mml.incoming import PARTS, SINGLE, passed_over
from mes.exchange.b2mml.outgoing import answer_of, show_of
from mes.exchange.b2mml.queries import ANSWERED, show_document
from mes.exchange.b2mml.service import TAKEN as TAKEN_VERBS
from mes.exchange.b2mml.service import take_document
from mes.exchange.b2mml.types import Outcome
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from standards.isa95.b2mml import Document, read_document, write_document
from tests.standards.b2mml_documents import IDS, Recipe, documents

KNOWN = ["BOARD", "LINE", "BENCH", "HALL", "SITE", "WM-LINE", "WM-BENCH", "BOARD-ROUTE", "PO-1", "L-1", "pcs", "1", "2"]
PLANT = Recipe(ids=st.sampled_from(KNOWN) | IDS)
TAKEN = (*PARTS, *sorted(SINGLE))
SHOWN = tuple(ANSWERED)


def take(database: Database, document: Document) -> tuple[Outcome, ...]:
    """Its outcomes; of a document that is refused those the refusal tells, if it names objects at all."""
    try:
        done: tuple[Outcome, ...] = database.write_now(take_document, actor=None, document=document)
        return done
    except B2mmlRefused as refused:
        return refused.outcomes
    except Refusal:
        return ()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=documents(TAKEN, recipe=PLANT, verbs=tuple(sorted(TAKEN_VERBS))))
def test_what_is_valid_is_taken_or_refused(plant: Database, document: Document) -> None:
    read = read_document(write_document(document))
    outcomes = take(plant, read)
    answer = answer_of(read, outcomes, passed_over(read), now=plant.clock(), bod_id="B-1")
    assert read_document(write_document(answer)).remarks == ()


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=documents(SHOWN, recipe=PLANT, verbs=("Get",)))
def test_any_question_is_answered_or_refused(plant: Database, document: Document) -> None:
    read = read_document(write_document(document))
    try:
        shown = plant.read_now(show_document, document=read)
    except Refusal:
        return
    answer = show_of(read, shown, now=plant.clock(), bod_id="B-1")
    assert read_document(write_document(answer)).remarks == ()
