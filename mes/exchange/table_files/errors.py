"""Refusals of files of rows."""

from __future__ import annotations

from mes.kernel.errors import BadRequest, Conflict, NotFound, TooLarge, Unprocessable


class ImportFileUnreadable(BadRequest):
    code = "import-file-unreadable"
    title = "The file cannot be read as rows"
    next_step = "Send a CSV file with a line of headings, or a workbook saved as .xlsx."


class ImportFileTooLarge(TooLarge):
    code = "import-file-too-large"
    title = "The file is too large"
    next_step = "Send its rows in several files."


class ImportColumnMissing(Unprocessable):
    code = "import-column-missing"
    title = "A column that is needed is not in the file"
    next_step = "Say which column it is, in the mapping, or add it to the file. A heading stands once."


class ImportRowInvalid(Unprocessable):
    """Of one row; it keeps out no other."""

    code = "import-row-invalid"
    title = "A value of this row cannot be used"
    next_step = "Correct the cell the sentence names and import the refused rows again."


class ImportRowTwice(Unprocessable):
    """Of one row; the first of them counts."""

    code = "import-row-twice"
    title = "An earlier row of the file has the same id"
    next_step = "Leave the row in that is meant."


class ImportBillIncomplete(Unprocessable):
    """Of one row, which is as good as another row of its bill is bad."""

    code = "import-bill-incomplete"
    title = "Another row of this bill is refused, and a bill is taken whole"
    next_step = "Correct the row that has a reason of its own, and import all rows of the bill again."


class ImportValueAmbiguous(Unprocessable):
    """Of one row."""

    code = "import-value-ambiguous"
    title = "A number or date can be read in two ways"
    next_step = "Say in the mapping which decimal mark, or which order of day and month, the file has."


class ImportLotInUse(Conflict):
    """Of one row. What is left of a lot is not what came in."""

    code = "import-lot-in-use"
    title = "Some of this lot was used here, so its quantity is not taken from a file"
    next_step = "Leave the quantity as it came in; compare what is left by reconciliation."


class ImportMappingNotFound(NotFound):
    code = "import-mapping-not-found"
    title = "There is no such mapping"
    next_step = "List the mappings of this plant."


class ImportMappingInvalid(Unprocessable):
    code = "import-mapping-invalid"
    title = "The mapping cannot be used like this"
    next_step = "Correct what the sentence names."


class ImportNotFound(NotFound):
    code = "import-not-found"
    title = "There is no such import"
    next_step = "Upload the file again: what was not imported is kept for a day, what was for 90 days."


class ImportFinished(Conflict):
    code = "import-finished"
    title = "This file was imported already"
    next_step = "Look at what became of it, or upload it again: the same rows change nothing."
