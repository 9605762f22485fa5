"""A bridge in a hundred lines, without OPC UA and with nothing but Python: counts lines of standard input as pieces.

LINESIDE_URL and LINESIDE_TOKEN say where the server is and who we are; the first argument is the tag. What was read and
is not yet acknowledged is kept in `script-journal.json`, so that a restart neither loses nor repeats a piece.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

JOURNAL = Path(os.environ.get("SCRIPT_JOURNAL", "script-journal.json"))


def load() -> dict[str, Any]:
    """The journal: its name, the number of the first item in it, and the items the server does not hold yet."""
    if JOURNAL.exists():
        return json.loads(JOURNAL.read_text())
    return {"journal_id": str(uuid.uuid4()), "first_seq": 1, "items": [], "count": 0}


def save(journal: dict[str, Any]) -> None:
    scratch = JOURNAL.with_suffix(".new")
    with scratch.open("w") as file:
        json.dump(journal, file)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(JOURNAL)


def count_one(journal: dict[str, Any], tag: str) -> None:
    now_us = time.time_ns() // 1000
    journal["count"] += 1
    sample = {"kind": "sample", "tag": tag, "value": journal["count"], "data_type": "UInt32"}
    journal["items"].append({**sample, "observed_at_us": now_us, "source_at_us": now_us})
    save(journal)


def post(journal: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    batch = {key: journal[key] for key in ("journal_id", "first_seq", "items")}
    request = urllib.request.Request(
        f"{os.environ['LINESIDE_URL']}/api/v1/bridge/ingest",
        data=json.dumps(batch).encode(),
        headers={"Authorization": f"Bearer {os.environ['LINESIDE_TOKEN']}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def send(journal: dict[str, Any]) -> bool:
    """Hand over what is there; False if it must be tried again."""
    try:
        status, answer = post(journal)
    except (OSError, ValueError):
        return False
    if status != 200:
        sys.stderr.write(f"{status} {answer.get('code')} {answer.get('detail', '')}\n")
        return False
    held = answer["accepted_through"] - journal["first_seq"] + 1
    journal["items"] = journal["items"][held:]
    journal["first_seq"] += held
    save(journal)
    return True


def main() -> None:
    journal, tag = load(), sys.argv[1]
    for _line in sys.stdin:
        count_one(journal, tag)
        send(journal)
    while journal["items"] and not send(journal):
        time.sleep(1)


if __name__ == "__main__":
    main()
