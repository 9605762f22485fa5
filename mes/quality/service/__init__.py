"""What may be done about quality; one module a use case."""

from mes.quality.service.defect_codes import create_defect_code, put_defect_codes, update_defect_code
from mes.quality.service.holds import hold_lots, release_lots
from mes.quality.service.requirements import put_requirements
from mes.quality.service.results import record_machine_results, record_own_result, record_results
from mes.quality.service.rework import scrap_unit, send_unit_to_rework
from mes.quality.service.taking_back import take_back_verdict

__all__ = [
    "create_defect_code",
    "hold_lots",
    "put_defect_codes",
    "put_requirements",
    "record_machine_results",
    "record_own_result",
    "record_results",
    "release_lots",
    "scrap_unit",
    "send_unit_to_rework",
    "take_back_verdict",
    "update_defect_code",
]
