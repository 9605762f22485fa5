"""Which version of a document an update was made from: `If-Match: "3"`, or `version` in the body."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Header

from mes.access.errors import VersionMissing

IfMatch = Annotated[str | None, Header(max_length=100, description="The ETag that was read; or `version` in the body.")]
_ETAG: Final = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


def expected_version(if_match: str | None, version: int | None) -> int:
    """The version an update expects; the header goes before the body. `version-missing` where neither says one."""
    if if_match is not None:
        found = _ETAG.fullmatch(if_match.strip())
        if found is None:
            raise VersionMissing(f"If-Match {if_match!r} is not one of our ETags.")
        return int(found.group(1))
    if version is None:
        raise VersionMissing()
    return version
