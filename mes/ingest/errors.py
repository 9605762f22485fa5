"""Refusals at the bridge's door. Content is never one of them."""

from __future__ import annotations

from mes.kernel.errors import BadRequest, Conflict, TooLarge


class IngestSequenceGap(Conflict):
    code = "ingest-sequence-gap"
    title = "The batch would leave a hole"
    next_step = "Send again from expected_seq."


class IngestUnreadable(BadRequest):
    code = "ingest-unreadable"
    title = "The batch is not ingest_v1"
    next_step = "See docs/api/ingest.md; nothing of the batch was taken."


class IngestTooLarge(TooLarge):
    code = "ingest-too-large"
    title = "The batch is too large"
    next_step = "Send at most 5,000 items and 4 MiB at a time."
