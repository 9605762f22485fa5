"""Verbs of the edge."""

from mes.edge.service.bridges import (
    FALLS_SILENT,
    Changes,
    finish_command,
    mark_seen,
    note_silent_bridges,
    put_bridge,
    put_command,
    put_tag_bindings,
    record_bridge_health,
)
from mes.edge.service.machine_setup import (
    add_signal,
    apply_setup,
    ask_level,
    ask_look,
    ask_watch,
    begin_setup,
    choose_signals,
    forget_old_setups,
    give_up_setup,
    note_map_result,
    pick_signals,
    save_template,
)
from mes.edge.service.trust import decide_certificate

__all__ = [
    "FALLS_SILENT",
    "Changes",
    "add_signal",
    "apply_setup",
    "ask_level",
    "ask_look",
    "ask_watch",
    "begin_setup",
    "choose_signals",
    "decide_certificate",
    "finish_command",
    "forget_old_setups",
    "give_up_setup",
    "mark_seen",
    "note_map_result",
    "note_silent_bridges",
    "pick_signals",
    "put_bridge",
    "put_command",
    "put_tag_bindings",
    "record_bridge_health",
    "save_template",
]
