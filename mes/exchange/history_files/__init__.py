"""Files of history: what another system recorded, row by row, at bulk speed."""

from mes.exchange.history_files.importing import HistoryImport, ImportedFile
from mes.exchange.history_files.reading import Unreadable

__all__ = ["HistoryImport", "ImportedFile", "Unreadable"]
