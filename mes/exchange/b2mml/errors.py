"""Refusals of B2MML documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mes.exchange.b2mml.types import Outcome
from mes.kernel.errors import BadRequest, Conflict, FieldError, Refusal, TooLarge, Unprocessable


class XmlExpected(Refusal):
    status = 415
    code = "xml-expected"
    title = "A B2MML document is XML"
    next_step = "Send it with the header `Content-Type: application/xml`."


class B2mmlUnreadable(BadRequest):
    code = "b2mml-unreadable"
    title = "This is no B2MML document"
    next_step = "Send well-formed XML without a DTD, whose root is a transaction of B2MML 7.01 or V0401."


class B2mmlTooLarge(TooLarge):
    code = "b2mml-too-large"
    title = "The document is too large"
    next_step = "Send the objects in several documents."


class B2mmlInvalid(Unprocessable):
    code = "b2mml-invalid"
    title = "The document is not valid B2MML 7.01"
    next_step = "Correct what `errors` names by line; the schema of MESA International finds the same."


class B2mmlNotSupported(Unprocessable):
    code = "b2mml-not-supported"
    title = "Lineside does not take this transaction"
    next_step = "Look up the transactions that are taken in docs/standards/b2mml.md."


class B2mmlValueUnusable(Unprocessable):
    code = "b2mml-value-unusable"
    title = "A value of this object cannot be used here"
    next_step = "Correct the element the sentence names; docs/standards/b2mml.md says what it stands for."


class WorkScheduleDiffers(Conflict):
    code = "work-schedule-differs"
    title = "The schedule asks for other jobs than the routing has"
    next_step = "Order what the released routing says, or release a routing with these jobs first."


class B2mmlRefused(Conflict):
    """Some objects of a document were refused, so nothing of it was written. `outcomes` has every object."""

    code = "b2mml-refused"
    title = "Nothing of this document was taken over"
    next_step = "Correct the objects that are refused and send the document again; what was right is taken then."

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        refused = [outcome for outcome in outcomes if not outcome.accepted]
        errors = [FieldError(outcome.path, outcome.sentence, outcome.code) for outcome in refused]
        super().__init__(f"{len(refused)} of {len(outcomes)} objects are refused.", errors=errors)
        self.outcomes = tuple(_not_written(outcome) if outcome.accepted else outcome for outcome in outcomes)


def _not_written(outcome: Outcome) -> Outcome:
    sentence = f"{outcome.object_id}: not written, because another object of the document is refused."
    return replace(outcome, code="not-written", sentence=sentence, accepted=False, status=B2mmlRefused.status)
