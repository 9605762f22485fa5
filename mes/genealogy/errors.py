"""Refusals of the genealogy feature."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, TooLarge, Unprocessable


class LotUnknown(NotFound):
    code = "lot-unknown"
    title = "Nobody has recorded this lot or serial"
    next_step = "Scan it again; if it is new, receive it or let its first station record it."


class GenealogyCycle(Conflict):
    code = "genealogy-cycle"
    title = "A lot cannot go into itself"
    next_step = "Check which of the two was scanned first: something made of a lot can never become a part of it."


class GenealogyInvalid(Unprocessable):
    code = "genealogy-invalid"
    title = "This cannot be recorded as it is"
    next_step = "Correct what the errors name and send it again; nothing was written."


class MountOutOfOrder(Conflict):
    code = "mount-out-of-order"
    title = "The sequence does not go on from what is mounted"
    next_step = "Give the sequence of the first piece of this lot, not below that of the lot before it."


class SlotEmpty(Conflict):
    code = "slot-empty"
    title = "Nothing is mounted there"
    next_step = "Check the slot; mount a lot first."


class NotLinked(Conflict):
    code = "not-linked"
    title = "It is not in there"
    next_step = "Look at the as-built record: it may have been removed or moved before."


class ActNotFound(NotFound):
    code = "act-not-found"
    title = "No such act"
    next_step = "Take its number from the as-built record."


class ActNotReversible(Conflict):
    code = "act-not-reversible"
    title = "This act cannot be taken back"
    next_step = "It was taken back before, or later acts rest on it: take those back first."


class GenealogyTooLarge(TooLarge):
    code = "genealogy-too-large"
    title = "Too much at once"
    next_step = "Send or ask for it in parts."


class SuspectsMissing(Unprocessable):
    code = "suspects-missing"
    title = "Nothing is suspected"
    next_step = "Name lots, a range of serials, a machine, a program, a tool, an operator, a job or a time window."


class ImportMovedOn(Conflict):
    code = "import-moved-on"
    title = "Another import of the same file is at work"
    next_step = "Let it finish; if it was ended, start the command again: it goes on where the last block ended."
