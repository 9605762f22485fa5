"""Texts and bytes of others: what a sound one becomes when parts of it are lost, doubled, moved or put to nonsense."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

NONSENSE: Final = (
    *("", "null", "true", "-1", "1e999", "-0", "nan", "9" * 40, "0x1F", "1_000", "2026-02-30", "24:61", "١٢"),
    *("\0", "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"), "\u202e", "🙂", "\n", "\r", "\t"),
    *("[[[[[[[[", "}}}}", '"', "'", "{", "]", ":", ",", ";", "#", "&a *a", "!!python/object:x", "<<: *x", "---"),
    *("[" * 300, "a" * 5_000, "../../x", "%00", "=1+1", "\\u0000", "\\x00"),
)


@st.composite
def damaged(draw: st.DrawFn, sound: str) -> str:
    """A copy of a text with up to four faults."""
    text = sound
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        other = draw(st.integers(0, len(text)))
        put = draw(st.sampled_from(NONSENSE) | st.text(max_size=8) | st.just(text[other : other + 60]))
        text = text[:start] + put + text[end:]
    return text


@st.composite
def damaged_bytes(draw: st.DrawFn, sound: bytes) -> bytes:
    """A copy of bytes with up to four faults."""
    data = sound
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 20)))
        data = data[:start] + draw(st.binary(max_size=8)) + data[end:]
    return data
