"""What may be done with orders and jobs; one module a use case."""

from mes.orders.service.change import cancel_job, cancel_order, change_order, sequence_jobs
from mes.orders.service.change_parameters import change_job_parameters
from mes.orders.service.correct import Correction, correct_counts
from mes.orders.service.counts import record_counts, report_good, report_scrap, undo_count
from mes.orders.service.dispatch import OVERDUE, give_up_overdue_commands, note_command_result
from mes.orders.service.execute import (
    complete_job,
    pause_job,
    resume_job,
    start_job,
    start_job_by_override,
    undo_complete_job,
)
from mes.orders.service.first_article import ask_first_article, hold_for_units, settle_first_article
from mes.orders.service.following import dispatch_due_jobs
from mes.orders.service.hold import hold_job, lift_hold
from mes.orders.service.instructions import acknowledge_instruction
from mes.orders.service.machine import apply_machine_reports
from mes.orders.service.places import move_job_to_equipment
from mes.orders.service.quantity import change_order_quantity
from mes.orders.service.release import release_jobs, revoke_release
from mes.orders.service.rework import send_to_rework
from mes.orders.service.settle import settle_count
from mes.orders.service.split import merge_jobs, split_job, split_order, split_rest
from mes.orders.service.submit import Submitted, prefetch_routes, submit_operations_request, submit_operations_requests
from mes.orders.service.versions import MovedOrder, move_order_to_version

__all__ = [
    "OVERDUE",
    "Correction",
    "MovedOrder",
    "Submitted",
    "acknowledge_instruction",
    "apply_machine_reports",
    "ask_first_article",
    "cancel_job",
    "cancel_order",
    "change_job_parameters",
    "change_order",
    "change_order_quantity",
    "complete_job",
    "correct_counts",
    "dispatch_due_jobs",
    "give_up_overdue_commands",
    "hold_for_units",
    "hold_job",
    "lift_hold",
    "merge_jobs",
    "move_job_to_equipment",
    "move_order_to_version",
    "note_command_result",
    "pause_job",
    "prefetch_routes",
    "record_counts",
    "release_jobs",
    "report_good",
    "report_scrap",
    "resume_job",
    "revoke_release",
    "send_to_rework",
    "sequence_jobs",
    "settle_count",
    "settle_first_article",
    "split_job",
    "split_order",
    "split_rest",
    "start_job",
    "start_job_by_override",
    "submit_operations_request",
    "submit_operations_requests",
    "undo_complete_job",
    "undo_count",
]
