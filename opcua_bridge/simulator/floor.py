"""What the targets share: the buffers between them and who knows which work request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalog import DEPANEL, LINE, UPSTREAM
from .material import Buffer

if TYPE_CHECKING:
    from .target import Target


class Floor:
    """The shop floor between the machines."""

    def __init__(self, disturbances: float, run: int, *, asks: bool = False) -> None:
        self.disturbances = disturbances
        self.asks = asks
        """Whether the tester asks before it works on a board."""
        self.run = run
        """How often the factory was opened with this ledger; makes serials and lots unique."""
        self.targets: dict[str, Target] = {}
        self.buffers = {LINE: Buffer(), DEPANEL: Buffer()}
        """Output of each target that feeds another."""

    def upstream(self, name: str) -> Target | None:
        source = UPSTREAM.get(name)
        return self.targets[source] if source else None

    def changed(self, name: str) -> None:
        """Material was put behind `name`, or its job ended: whoever lives on it looks again."""
        for consumer, source in UPSTREAM.items():
            if source == name:
                self.targets[consumer].look()
