"""Refusals of the definitions feature."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, TooLarge, Unprocessable


class WorkMasterNotFound(NotFound):
    code = "work-master-not-found"
    title = "No such work master"
    next_step = "Check id and version against the list of work masters."


class WorkMasterExists(Conflict):
    code = "work-master-exists"
    title = "This work master id is taken"
    next_step = "Choose another id, or put a new version of the work master that has it."


class WorkMasterVersionFixed(Conflict):
    code = "work-master-version-fixed"
    title = "This version of the work master is fixed"
    next_step = "Give the changed work master a new version; jobs keep the version they began with."


class WorkMasterNotEffective(Conflict):
    code = "work-master-not-effective"
    title = "The recipe is not effective now"
    next_step = "Release a routing with a recipe that is, or change when this one is effective."


class ParameterOutOfLimits(Unprocessable):
    code = "parameter-out-of-limits"
    title = "A parameter does not keep its limits"
    next_step = "Correct the parameters named in `errors`."


class EffectivityInvalid(Unprocessable):
    code = "effectivity-invalid"
    title = "The version would end before it begins"
    next_step = "Let it begin before it ends, or leave one side open."


class OperationsDefinitionNotEffective(Conflict):
    code = "operations-definition-not-effective"
    title = "No version of the routing is effective now"
    next_step = "Change when a released version is effective, or release one that is."


class OperationsDefinitionNotReleased(Conflict):
    code = "operations-definition-not-released"
    title = "This version of the routing is not released"
    next_step = "Release the version first; orders follow released versions only."


class OperationsDefinitionNotFound(NotFound):
    code = "operations-definition-not-found"
    title = "No operations definition to follow"
    next_step = "Release an operations definition for this material, or name one that exists."


class OperationsDefinitionAmbiguous(NotFound):
    code = "operations-definition-ambiguous"
    title = "Several operations definitions make this material"
    next_step = "Name the operations definition in the request."


class OperationsDefinitionExists(Conflict):
    code = "operations-definition-exists"
    title = "This operations definition id is taken"
    next_step = "Choose another id, or put a new version of the definition that has it."


class OperationsDefinitionVersionFixed(Conflict):
    code = "operations-definition-version-fixed"
    title = "This version of the operations definition is fixed"
    next_step = "Give the changed definition a new version; orders keep the version they began with."


class OperationsDefinitionInvalid(Unprocessable):
    code = "operations-definition-invalid"
    title = "The operations definition contradicts itself"
    next_step = "Correct the segments named in `errors`."


class SegmentNotFound(NotFound):
    code = "operations-segment-not-found"
    title = "The routing has no such step"
    next_step = "Look at the routing again; the step may have been removed."


class InstructionDocumentNotFound(NotFound):
    code = "instruction-document-not-found"
    title = "There is no such picture or drawing"
    next_step = "Upload it first; documents are named by the SHA-256 of their content."


class InstructionDocumentInvalid(Unprocessable):
    code = "instruction-document-invalid"
    title = "This cannot be shown in a work instruction"
    next_step = "Upload a PNG, JPEG or WebP picture, or a PDF."


class InstructionDocumentTooLarge(TooLarge):
    code = "instruction-document-too-large"
    title = "The picture or drawing is too large"
    next_step = "Make it smaller; 5 MB is the most."


class ScrapReasonNotFound(NotFound):
    code = "scrap-reason-not-found"
    title = "No such scrap reason"
    next_step = "Check the id against the list of scrap reasons."


class ScrapReasonExists(Conflict):
    code = "scrap-reason-exists"
    title = "This scrap reason id is taken"
    next_step = "Choose another id, or update the reason that has it."
