"""The bridge's own fixtures serve here too."""

from tests.opcua_bridge.conftest import bridges, mes

__all__ = ["bridges", "mes"]
