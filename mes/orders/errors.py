"""Refusals about orders and jobs."""

from __future__ import annotations

from mes.kernel.errors import Conflict, Forbidden, NotFound, Unprocessable


class OperationsRequestNotFound(NotFound):
    code = "operations-request-not-found"
    title = "No such operations request"


class OperationsRequestDiffers(Conflict):
    code = "operations-request-differs"
    title = "This id and version are known with other content"
    next_step = "Send a changed order under the next version, or read what is recorded first."


class OperationsRequestStarted(Conflict):
    code = "operations-request-started"
    title = "Work on this order has been released"
    next_step = "Revoke the release of its jobs first; what has run cannot be replaced by a new version."


class OperationsRequestOutdated(Conflict):
    code = "operations-request-outdated"
    title = "A newer version of this order is already here"


class QuantityInvalid(Unprocessable):
    code = "quantity-invalid"
    title = "The quantity cannot be used"
    next_step = "Give a positive quantity with at most six decimals, in the material's unit."


class JobNotFound(NotFound):
    code = "job-order-not-found"
    title = "No such job"


class JobStateConflict(Conflict):
    code = "job-state-conflict"
    title = "The job is not in a state for this"
    next_step = "Look at the job again; it has moved on."


class JobVersionConflict(Conflict):
    code = "job-version-conflict"
    title = "Somebody else was faster"
    next_step = "The screen now shows what happened. Repeat only if it still makes sense."


class JobIsMachineRun(Conflict):
    code = "job-machine-run"
    title = "The machine says when this job runs"
    next_step = "Start it at the machine, or wait for its turn; only manual stations are started by hand."


class StationOccupied(Conflict):
    code = "station-occupied"
    title = "Another job is active here"
    next_step = "Complete or pause the active job first."


class JobNotDue(Conflict):
    code = "job-not-due"
    title = "It is not this job's turn"
    next_step = "The job before it in the routing has to end first."


class ScrapReasonUnknown(Unprocessable):
    code = "scrap-reason-unknown"
    title = "This scrap reason is not in the plant's list"


class MoreScrapThanGood(Conflict):
    code = "more-scrap-than-good"
    title = "More scrap than pieces counted"
    next_step = "On a machine, scrap moves counted pieces from good to scrap; wait for the count or correct the number."


class NothingToCount(Conflict):
    code = "nothing-to-count"
    title = "The pieces of this job are known"
    next_step = "Nothing is left open. Report scrap that was found later as scrap."


class CountContradicts(Conflict):
    code = "count-contradicts"
    title = "The count cannot be right"
    next_step = "Count again. Pieces that were made and are gone are scrap: report them with a reason."


class ReasonMissing(Unprocessable):
    code = "reason-missing"
    title = "Say why"
    next_step = "Give the reason in a few words; it is kept with the order."


class JobHeld(Conflict):
    code = "job-held"
    title = "The job is on hold"
    next_step = "A supervisor lifts the hold when its reason is gone."


class FirstArticleOpen(Conflict):
    code = "first-article-open"
    title = "The first article has to be decided"
    next_step = "Inspect the first pieces and record passed or failed; or ask for a new first article."


class FirstArticleNotDue(Conflict):
    code = "first-article-not-due"
    title = "There is no first article to decide"
    next_step = "It is decided once its pieces are made; ask for a new one if the job should have one."


class JobNotHeld(Conflict):
    code = "job-not-held"
    title = "The job is not on hold"
    next_step = "Look at the job again; somebody lifted the hold."


class JobWithMachine(Conflict):
    code = "job-with-machine"
    title = "The machine has this job"
    next_step = "Wait until it runs or comes back; a running job can be held, completed or cancelled."


class SplitInvalid(Unprocessable):
    code = "split-invalid"
    title = "The job cannot be split like this"
    next_step = "Split off whole cycles, less than what is still to be made."


class MergeInvalid(Unprocessable):
    code = "merge-invalid"
    title = "These jobs cannot be merged"
    next_step = "Merge jobs of one order and step that have not started, with the same recipe and the same station."


class ReworkInvalid(Unprocessable):
    code = "rework-invalid"
    title = "These pieces cannot be reworked like this"
    next_step = "Choose a manual station, a step of this order to return to, and no more pieces than there are."


class OutsideTolerance(Conflict):
    code = "outside-tolerance"
    title = "Not within the order's tolerance"
    next_step = "Make what is missing, split it off, or put the count right; or a supervisor accepts it with a reason."


class OrderVersionConflict(Conflict):
    code = "order-version-conflict"
    title = "Somebody else changed this order"
    next_step = "Look at the order again, then repeat the change if it still makes sense."


class OrderOver(Conflict):
    code = "order-over"
    title = "The order is over"
    next_step = "Nothing of it is left to change; correct its counts instead."


class OrderQuantityFixed(Conflict):
    code = "order-quantity-fixed"
    title = "So little can no longer be made"
    next_step = "Complete the job when enough is made, or let it make what its machine was told."


class SequenceInvalid(Unprocessable):
    code = "sequence-invalid"
    title = "This sequence cannot be kept"
    next_step = "Jobs of one station that wait, higher priority first. To let a job pass, change its order's priority."


class CorrectionInvalid(Unprocessable):
    code = "correction-invalid"
    title = "The correction cannot be right"
    next_step = "A correction takes back no more than was counted."


class MaterialShort(Conflict):
    code = "material-short"
    title = "There is not enough material"
    next_step = "Provide the material, or release the order with a reason."


class NothingToUndo(Conflict):
    code = "nothing-to-undo"
    title = "This can no longer be undone"
    next_step = "Ten seconds have passed; report a correction instead."


class MachineUnreachable(Conflict):
    code = "machine-unreachable"
    title = "No bridge serves this machine"
    next_step = "Check the bridge and the tag bindings of this equipment."


class OperationsRequestOver(Conflict):
    code = "operations-request-over"
    title = "The order is over"
    next_step = "Look at the order again; what has ended is not changed any more."


class EquipmentNotAllowed(Conflict):
    code = "equipment-not-allowed"
    title = "The step is not done at this place"
    next_step = "Choose one of the places the routing names, or release a version of it that names this one."


class QualificationMissing(Forbidden):
    code = "qualification-missing"
    title = "The step asks for a qualification you do not have"
    next_step = "Let somebody start it who has it, or ask a supervisor to allow it."


class InstructionNotFound(NotFound):
    code = "instruction-not-found"
    title = "The work instruction has no such step"
    next_step = "Open the instruction of the job again."
