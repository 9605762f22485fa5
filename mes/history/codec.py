"""Columns as bytes and back, exactly: `pcodec` for what varies, one value for what does not.

A blob is one byte FORMAT, the number of rows (u4), then each column: one letter, its length (u4), its bytes. Letters:
`I` int64, `F` float64, `W` whole numbers of a float64 column kept as int64, `Q` uint8; small: one value for all rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from pcodec import ChunkConfig, standalone

from mes.history.rules import COLUMNS
from mes.history.types import HOUR_US, NOT_KNOWN, Rollups, Samples, Values

FORMAT: Final = 1
_CONFIG: Final = ChunkConfig(compression_level=4)
_HEAD: Final = struct.Struct("<BI")
_COLUMN: Final = struct.Struct("<cI")
_LETTERS: Final = {np.dtype(np.int64): b"I", np.dtype(np.float64): b"F", np.dtype(np.uint8): b"Q"}
_TYPES: Final[dict[bytes, Any]] = {b"i": np.int64, b"f": np.float64, b"q": np.uint8, b"w": np.float64}


class UnknownFormat(ValueError):
    """Written by a newer Lineside, or damaged."""


def pack_samples(samples: Samples) -> bytes:
    """A run of one tag; unknown values take no room."""
    value = samples.value[samples.quality < NOT_KNOWN]
    return _pack(len(samples), (samples.at_us, samples.quality, value))


def unpack_samples(blob: bytes) -> Samples:
    """What `pack_samples` was given."""
    rows, columns = _unpack(blob)
    at_us, quality = next(columns)(rows), next(columns)(rows)
    known = quality < NOT_KNOWN
    found = next(columns)(int(np.count_nonzero(known)))
    if len(found) == rows:
        return Samples(at_us, found, quality)
    value = np.full(rows, np.nan)
    value[known] = found
    return Samples(at_us, value, quality)


def pack_rollups(rollups: Rollups) -> bytes:
    """Roll-ups of one hour of one tag; times are kept as what they differ by."""
    columns = {name: getattr(rollups, name) for name in COLUMNS}
    columns["held_us"] = rollups.last_at_us - rollups.first_at_us - rollups.held_us
    columns["first_at_us"] = rollups.first_at_us - rollups.start_us
    columns["last_at_us"] = rollups.last_at_us - rollups.start_us
    return _pack(len(rollups), [columns[name] for name in COLUMNS])


def unpack_rollups(blob: bytes) -> Rollups:
    """What `pack_rollups` was given."""
    rows, columns = _unpack(blob)
    found = dict(zip(COLUMNS, (column(rows) for column in columns), strict=True))
    found["first_at_us"] = found["first_at_us"] + found["start_us"]
    found["last_at_us"] = found["last_at_us"] + found["start_us"]
    found["held_us"] = found["last_at_us"] - found["first_at_us"] - found["held_us"]
    return Rollups(**found)


def hour_of(at_us: int) -> int:
    """Hours since 1970: what chunks and roll-ups are kept by."""
    return at_us // HOUR_US


def _pack(rows: int, columns: Sequence[Any]) -> bytes:
    parts = [_HEAD.pack(FORMAT, rows)]
    for column in columns:
        letter, body = _encoded(np.ascontiguousarray(column))
        parts += (_COLUMN.pack(letter, len(body)), body)
    return b"".join(parts)


def _encoded(column: Any) -> tuple[bytes, bytes]:
    letter = _LETTERS[column.dtype]
    bits = column.view(np.int64) if letter == b"F" else column
    if len(column) and bits[0] == bits[-1] and bool((bits == bits[0]).all()):
        return letter.lower(), column[:1].tobytes()
    if letter == b"Q":
        return letter, standalone.simple_compress(column.astype(np.uint16), _CONFIG)
    if letter == b"F" and (whole := _whole(column)) is not None:
        return b"W", standalone.simple_compress(whole, _CONFIG)
    return letter, standalone.simple_compress(column, _CONFIG)


def _whole(column: Values) -> Any:
    """The same numbers as int64, None where one would change."""
    with np.errstate(invalid="ignore"):
        whole = column.astype(np.int64)
    return whole if bool((whole.astype(np.float64).view(np.int64) == column.view(np.int64)).all()) else None


def _unpack(blob: bytes) -> tuple[int, Iterator[Any]]:
    """How many rows, and for each column what makes it, given its number of rows."""
    version, rows = _HEAD.unpack_from(blob)
    if version != FORMAT:
        raise UnknownFormat(f"a chunk of format {version}; this version reads {FORMAT}")
    return rows, _columns(blob)


def _columns(blob: bytes) -> Iterator[Any]:
    place = _HEAD.size
    while place < len(blob):
        letter, length = _COLUMN.unpack_from(blob, place)
        place += _COLUMN.size
        yield _decoder(letter, blob[place : place + length])
        place += length


def _decoder(letter: bytes, body: bytes) -> Any:
    if letter.islower():
        return lambda rows: np.full(rows, np.frombuffer(body, _TYPES[letter])[0])
    return lambda rows: _decompressed(letter, body, rows)


def _decompressed(letter: bytes, body: bytes, rows: int) -> Any:
    if not rows:
        return np.empty(0, _TYPES[letter.lower()])
    found = standalone.simple_decompress(body)
    return found if letter in b"IF" else found.astype(_TYPES[letter.lower()])
