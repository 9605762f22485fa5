"""The verbs at the bridge's door."""

from mes.ingest.service.commands import record_command_result
from mes.ingest.service.receive import forget_baselines, receive_batch

__all__ = ["forget_baselines", "receive_batch", "record_command_result"]
