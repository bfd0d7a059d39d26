"""Statements at the top of a plug-in's file: what each binds, mentions, imports and does."""

import ast
import symtable
from collections.abc import Iterator
from copy import deepcopy
from functools import cached_property, lru_cache
from importlib.util import decode_source
from pathlib import Path
from typing import NamedTuple

REGISTRY = "gdpo.plugins"
"""Where the decorators are from that say of a function what is not what it does: its range, its label."""
ALL = "*"
"""What an import of everything binds: whatever name is looked for may be from there."""
UNFOLLOWED = {"eval", "exec", "globals", "locals", "vars", "__import__", "importlib", "__doc__"}
"""Names by which code reaches what is not to be seen in it."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.Pass)


class Import(NamedTuple):
    """One name that an import statement binds."""

    module: str
    """With its leading dots."""
    name: str | None
    """What is taken from the module; None: the module itself."""
    bound: str

    def __str__(self) -> str:
        return (
            f"from {self.module} import {self.name} as {self.bound}" if self.name else f"import {self.module}"
        )


class Statement:
    """A statement at the top of a file.

    Args:
        node: its syntax.
        place: its number.
        names: names of the file that the statement's own scopes take from outside.
        registering: names by which the file calls the decorators of :data:`REGISTRY`.
    """

    def __init__(self, node: ast.stmt, place: int, names: set[str], registering: set[str]):
        self._node, self._registering = node, registering
        self.bound, self.mentioned = _bound(node), names
        self.acts = _acts(node, registering)
        """Whether running it may change what other names stand for."""
        self.imports = isinstance(node, (ast.Import, ast.ImportFrom))
        """Whether it is an import, of whose names each stands for itself."""
        self.all_imports = list(_imports(node))
        # The order of definitions is none of what they do, that of all else is.
        plain = isinstance(node, _DEFINITIONS) and not self.acts
        self.key = (0, node.name, place) if plain else (1, "", place)

    @cached_property
    def _code(self) -> str:
        return ast.unparse(_Plain(self._registering).visit(deepcopy(self._node)))

    @cached_property
    def with_docstrings(self) -> str:
        """All of it."""
        return ast.unparse(self._node)

    def code_of(self, name: str | None) -> str:
        """Its code; of an import, what gives that name."""
        return "; ".join(map(str, self.imported(name))) if self.imports else self._code

    def imported(self, name: str | None) -> list[Import]:
        """What it imports, by itself for that name, or somewhere in its body."""
        own = (name, ALL)
        return [made for made in self.all_imports if not self.imports or made.bound in own]


@lru_cache(512)
def statements(path: Path, changed: int, size: int) -> list[Statement]:
    """A file's statements; the arguments say which state of it."""
    source = path.read_bytes()
    tree = ast.parse(source)
    scopes: dict[str, list[symtable.SymbolTable]] = {}
    for scope in symtable.symtable(decode_source(source), str(path), "exec").get_children():
        scopes.setdefault(scope.get_name(), []).append(scope)
    registering = _registering(tree)
    found = []
    for place, node in enumerate(tree.body):
        if isinstance(node, _DEFINITIONS):
            names = _taken(scopes[node.name].pop(0)) | _of_heading(node, registering)
        else:
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            names |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} & UNFOLLOWED
        found.append(Statement(node, place, names, registering))
    return found


def _taken(scope: symtable.SymbolTable) -> set[str]:
    """Names that a function or class takes from the top of its file."""
    names = {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    return names.union(*map(_taken, scope.get_children()))


def _of_heading(node: ast.stmt, registering: set[str]) -> set[str]:
    """Names in what is computed as a function or class is defined, and attributes that reach elsewhere."""
    parts: list[ast.AST] = [made for made in node.decorator_list if not _registers(made, registering)]
    if isinstance(node, ast.ClassDef):
        parts += [*node.bases, *(keyword.value for keyword in node.keywords)]
    else:
        parts += [node.args, *([node.returns] if node.returns else [])]
    names = {part.id for top in parts for part in ast.walk(top) if isinstance(part, ast.Name)}
    attributes = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    return names | (attributes & UNFOLLOWED)


def _imports(statement: ast.stmt) -> Iterator[Import]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = "." * node.level + (node.module or "")
                yield Import(module, alias.name, alias.asname or alias.name)


class _Plain(ast.NodeTransformer):
    """Without docstrings, also of attributes, and without the decorators by which a plug-in is registered."""

    def __init__(self, registering: set[str]):
        self._registering = registering

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _DEFINITIONS):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
            node.decorator_list = [
                made for made in node.decorator_list if not _registers(made, self._registering)
            ]
        return self.generic_visit(node)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _registering(tree: ast.Module) -> set[str]:
    """Names that a file has from :data:`REGISTRY`, and of that module itself."""
    return {
        made.bound
        for node in tree.body
        for made in _imports(node)
        if made.module == REGISTRY or f"{made.module}.{made.name}" == REGISTRY
    }


def _registers(decorator: ast.expr, registering: set[str]) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(called, ast.Attribute):
        called = called.value
    return isinstance(called, ast.Name) and called.id in registering


def _bound(statement: ast.stmt) -> set[str]:
    """Names of the file that a statement gives a value to."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    names, nodes = set(), [statement]
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, _DEFINITIONS):
            names.add(node.name)
        else:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            nodes += ast.iter_child_nodes(node)
    return names


def _acts(statement: ast.stmt, registering: set[str]) -> bool:
    """Whether running it may change what a name stands for without binding it.

    A call may, a decorator that does not register here, a class that tells its bases, a value put into a
    list or an object; a plain definition, an import and a value without a call do not.
    """
    if isinstance(statement, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(statement.test)
    ):
        return False  # if __name__ == "__main__"
    if isinstance(statement, _DEFINITIONS):
        others = [made for made in statement.decorator_list if not _registers(made, registering)]
        return bool(others) or bool(getattr(statement, "bases", []) or getattr(statement, "keywords", []))
    if not isinstance(statement, _SIMPLE):
        return not _is_text(statement)
    parts = list(ast.walk(statement))
    stored = (ast.Subscript, ast.Attribute)
    changes = any(isinstance(part, stored) and isinstance(part.ctx, ast.Store) for part in parts)
    return changes or any(isinstance(part, ast.Call) for part in parts)
