"""The tree of the house as data: modules, their imports, their calls. Read from the files, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

WINGS = ("standards", "mes", "opcua_bridge", "web")


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@dataclass(frozen=True)
class Module:
    """One file. Read and parsed once, whatever number of rules ask about it."""

    name: str
    path: Path
    package: bool

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(ast.parse(self.path.read_text("utf-8"), str(self.path))))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(Import(self.name, name, line) for node in self.nodes for name, line in self._imported(node))

    @cached_property
    def calls(self) -> tuple[tuple[str, int], ...]:
        """Dotted text of what is called, and the line: `asyncio.wait_for`, `uow.session.commit`."""
        return tuple((ast.unparse(node.func), node.lineno) for node in self.nodes if isinstance(node, ast.Call))

    @property
    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in self.nodes if isinstance(node, ast.ClassDef))

    def _imported(self, node: ast.AST) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = self._origin(node)
            yield from ((f"{origin}.{alias.name}", node.lineno) for alias in node.names)

    def _origin(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        parts = self.name.split(".")
        keep = len(parts) - node.level + (1 if self.package else 0)
        return ".".join([*parts[:keep], *([node.module] if node.module else [])])


def modules(root: Path, *folders: str) -> list[Module]:
    """Every Python module below those folders of `root`, the four wings by default."""
    return [
        known(module_name(root, path), path, path.stat().st_mtime_ns)
        for folder in folders or WINGS
        for path in sorted((root / folder).rglob("*.py"))
    ]


@cache
def known(name: str, path: Path, changed_ns: int) -> Module:
    """The module of a file as it was at that time, the same object each time."""
    return Module(name, path, path.name == "__init__.py")


def module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")
