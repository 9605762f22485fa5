"""Refusals of the definitions feature."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, Unprocessable


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


class ScrapReasonNotFound(NotFound):
    code = "scrap-reason-not-found"
    title = "No such scrap reason"
    next_step = "Check the id against the list of scrap reasons."


class ScrapReasonExists(Conflict):
    code = "scrap-reason-exists"
    title = "This scrap reason id is taken"
    next_step = "Choose another id, or update the reason that has it."
