"""Refusals of personnel. Every code has its page in docs/problems/."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, Unprocessable


class PersonNotFound(NotFound):
    code = "person-not-found"
    title = "No such person"
    next_step = "List the persons and check the id."


class PersonExists(Conflict):
    code = "person-exists"
    title = "This person's id is taken"
    next_step = "Choose another id, or change the person who has it."


class PersonnelClassNotFound(NotFound):
    code = "personnel-class-not-found"
    title = "No such personnel class"
    next_step = "List the personnel classes and check the id."


class PersonnelClassExists(Conflict):
    code = "personnel-class-exists"
    title = "This personnel class's id is taken"
    next_step = "Choose another id, or change the class that has it."


class PersonnelClassUnknown(Unprocessable):
    """A qualification names a class that does not exist."""

    code = "personnel-class-unknown"
    title = "A qualification names a personnel class that does not exist"
    next_step = "Create the personnel class first."


class QualificationInvalid(Unprocessable):
    code = "qualification-invalid"
    title = "A qualification cannot be recorded like this"
    next_step = "Let it end after it begins, and let the periods of one class not overlap."
