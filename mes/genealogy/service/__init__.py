"""What may be done with the as-built record; one module a use case."""

from mes.genealogy.service.correcting import remove_part, replace_part, reverse_act
from mes.genealogy.service.counting import count_mounted
from mes.genealogy.service.holding import hold_suspects, release_suspects
from mes.genealogy.service.importing import begin_import, import_block
from mes.genealogy.service.mounting import mount_lot, put_setup, unmount_lot
from mes.genealogy.service.packing import move_lots, pack_lots, ship_lots, unpack_lots
from mes.genealogy.service.parting import merge_lots, split_lot
from mes.genealogy.service.recording import Recorded, may_be_overridden, record_genealogy
from mes.genealogy.service.scanning import record_pass, scan_lot
from mes.genealogy.service.stating import adjust_lot, put_lots, update_lot

__all__ = [
    "Recorded",
    "adjust_lot",
    "begin_import",
    "count_mounted",
    "hold_suspects",
    "import_block",
    "may_be_overridden",
    "merge_lots",
    "mount_lot",
    "move_lots",
    "pack_lots",
    "put_lots",
    "put_setup",
    "record_genealogy",
    "record_pass",
    "release_suspects",
    "remove_part",
    "replace_part",
    "reverse_act",
    "scan_lot",
    "ship_lots",
    "split_lot",
    "unmount_lot",
    "unpack_lots",
    "update_lot",
]
