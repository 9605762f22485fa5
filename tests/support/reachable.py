"""Which refusals a route can end in, read from the code: every name a function mentions may be what it runs."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from mes.kernel.errors import Refusal

ROOT: Final = Path(__file__).parent.parent.parent
Symbol = tuple[str, str]
"""Module and name."""
TOLD: Final[Symbol] = ("mes.materials.rules", "usable_lot")
"""What it finds is told in an answer; nobody raises it."""


def reachable_refusals(function: Callable[..., Any]) -> frozenset[type[Refusal]]:
    """Every leaf of the error tree that is named by `function`, or by what it names, and so on."""
    start = (function.__module__, function.__name__)
    seen = {start, TOLD}
    waiting, found = [start], set()
    while waiting:
        for symbol in _mentions(*waiting.pop()):
            if symbol in seen:
                continue
            seen.add(symbol)
            refusal = _refusal(symbol)
            if refusal is None:
                waiting.append(symbol)
            else:
                found.add(refusal)
    return frozenset(found)


@cache
def _mentions(module: str, name: str) -> frozenset[Symbol]:
    """The symbols of `mes` and `standards` that the statement defining this one mentions."""
    node = _statements(module).get(name)
    return frozenset() if node is None else frozenset(_resolved(module, node))


def _resolved(module: str, node: ast.AST) -> Iterator[Symbol]:
    for found in _names(node):
        if isinstance(found, ast.Name):
            yield from _home(module, found.id)
        elif isinstance(found.value, ast.Name) and found.value.id in _imports(module):
            package = getattr(importlib.import_module(module), found.value.id, None)
            if isinstance(package, ModuleType) and _is_ours(package.__name__):
                yield from _home(package.__name__, found.attr)


def _names(node: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """Names in a statement, those of caught exceptions left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Name, ast.Attribute)):
            yield child
        if isinstance(child, ast.ExceptHandler):
            for statement in child.body:
                yield from _names(ast.Module([statement], []))
        else:
            yield from _names(child)


def _home(module: str, name: str) -> Iterator[Symbol]:
    """Where a name that is used in a module is defined; nothing where it is not ours."""
    while _is_ours(module) and name not in _statements(module):
        origin = _imports(module).get(name)
        if origin is None:
            return
        module, name = origin
    if _is_ours(module):
        yield module, name


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("mes", "standards")


@cache
def _refusal(symbol: Symbol) -> type[Refusal] | None:
    value = getattr(importlib.import_module(symbol[0]), symbol[1], None)
    return value if inspect.isclass(value) and issubclass(value, Refusal) else None


@cache
def _tree(module: str) -> ast.Module:
    path = ROOT / (module.replace(".", "/") + ".py")
    return ast.parse((path if path.exists() else ROOT / module.replace(".", "/") / "__init__.py").read_text("utf-8"))


@cache
def _statements(module: str) -> dict[str, ast.AST]:
    """What a module defines at its top, by name."""
    found: dict[str, ast.AST] = {}
    for node in _tree(module).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    return found


@cache
def _imports(module: str) -> dict[str, Symbol]:
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
