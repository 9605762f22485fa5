"""History out of a file: blocks of it are recorded, each together with how far the file is recorded then."""

from __future__ import annotations

from collections.abc import Sequence

from mes.genealogy.errors import ImportMovedOn
from mes.genealogy.service.packing import record_sent
from mes.genealogy.service.recording import record_genealogy
from mes.genealogy.statements import advance_import, find_import, insert_import
from mes.genealogy.types import Imported, Recording, Sent
from mes.kernel.limits import ID_MAX
from mes.kernel.uow import UnitOfWork


def begin_import(uow: UnitOfWork, *, sha256: str, name: str) -> Imported:
    """Where to go on with a file of this content: at its beginning if it is new."""
    found = find_import(uow, sha256)
    if found is None:
        insert_import(uow, sha256, name[:ID_MAX])
        found = find_import(uow, sha256)
        assert found is not None
    return found


def import_block(
    uow: UnitOfWork, *, before: Imported, after: Imported, recording: Recording, sent: Sequence[Sent] = ()
) -> Imported:
    """Record what lies between two places of a file, and then what was `sent`. `import-moved-on` if it is recorded
    already, and as `record_genealogy` and `record_sent`; then nothing is written and the place stays."""
    if not advance_import(uow, before, after):
        raise ImportMovedOn()
    if len(recording):
        record_genealogy(uow, recording=recording)
    if sent:
        record_sent(uow, sent=sent)
    return after
