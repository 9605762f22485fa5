"""How nodes are named in texts, and names of one machine's nodes made into those of all machines like it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

OWN: Final = "urn:lineside:own-namespace"
"""Stands for the namespace a server calls after itself, the second in its list (OPC 10000-3 clause 8.2.2): its URI
often has the name of the computer, another one at each of eight like machines."""
MACHINE: Final = "{machine}"
ARROW: Final = " ⟶ "


def address(start: str, steps: Iterable[str]) -> str:
    """The node at the end of these steps, browse names with their namespaces; `start` itself if there are none."""
    return ARROW.join([start, *steps])


def general(text: str, *, machine: str, own: str = "") -> str:
    """`{machine}` where the machine's name stands by itself, and no namespace that has its name."""
    if own and text.startswith(f"nsu={own};"):
        return f"nsu={OWN};{general(text.removeprefix(f'nsu={own};'), machine=machine)}"
    if not machine:
        return text
    return re.sub(rf"(?<![^\W_]){re.escape(machine)}(?![^\W_])", MACHINE, text)


def named(text: str, *, machine: str) -> str:
    """The same for one machine."""
    return text.replace(MACHINE, machine)
