"""What a function of a plug-in does, as a hash: of its code and of all of the file's that it uses.

Comments, docstrings, blank lines and other functions are not in it. What it imports from the plug-in's own
folder (or package) is; installed packages, and files that it reads, are not.
"""

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import cached_property, lru_cache
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

OF_A_FILE = "gdpo_plugin_"
"""What the names of modules begin with that are plug-ins by file."""
DECORATORS = {"reward", "method", "source", "grader", "metric", "figure"}
"""What they say of a function (its range, its label) is not what the function does."""
PACKAGE = Path(__file__).resolve().parents[1]
"""This package's own folder: no plug-in's, wherever that lies."""
ALL = "*"
"""What an import of everything binds: whatever name is looked for may be from there."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def code_hash(things: Sequence[Callable], root: Path) -> str:
    """Eight hexadecimal digits of what functions and classes do.

    Args:
        things: functions and classes.
        root: folder of the plug-in: modules below it count as its own.
    """
    found: dict[tuple[str, str], str] = {}
    for thing in things:
        module = sys.modules[thing.__module__]
        file, name = _File(Path(module.__file__), module.__name__, root), thing.__qualname__.split(".")[0]
        # A lambda, or what was made by a call, has no name at the top of its file: all of that counts.
        _collect(file, name if name in file.bound else None, found)
    lines = [f"{file}:{code}" for (file, _), code in sorted(found.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def is_own(file: Path, root: Path) -> bool:
    """Whether a file belongs to a plug-in: below its folder, and no installed package."""
    file = file.resolve()
    below = file.is_relative_to(root.resolve()) and file.suffix == ".py"
    # A plug-in may lie beside the folder of a virtual environment.
    installed = (
        {"site-packages", "dist-packages"} & set(file.relative_to(root.resolve()).parts) if below else set()
    )
    ours = file.is_relative_to(PACKAGE) and not root.resolve().is_relative_to(PACKAGE)
    return below and not installed and not ours


def imported_names(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _collect(file: "_File", name: str | None, found: dict[tuple[str, str], str]) -> None:
    """Add the code behind a name of a file to ``found`` ((file, place in it) -> code), and all that it uses.

    Args:
        file: the file.
        name: bound at its top; None: everything in it.
        found: is added to.
    """
    waiting = [name] if name is not None else sorted(file.bound)
    known = set()
    while waiting:
        known.add(name := waiting.pop())
        for place, statement in file.statements_of(name):
            key = (file.label, f"{place:06d} {name if statement.imports else ''}")
            if key in found:
                continue
            found[key] = statement.code_of(name)
            waiting += sorted((statement.mentioned & file.bound) - known)
            for imported in statement.imported(name):
                for other, wanted in file.own(imported):
                    _collect(other, wanted if wanted in other.bound else None, found)


class _Import(NamedTuple):
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


class _Statement:
    """A statement at the top of a file."""

    def __init__(self, node: ast.stmt):
        self._node = node
        self.bound, self.mentioned, self.acts = _bound(node), _names(node), _acts(node)
        self.imports = isinstance(node, (ast.Import, ast.ImportFrom))
        """Whether it is an import, of whose names each stands for itself."""
        self._imported = list(_imports(node))

    @cached_property
    def _code(self) -> str:
        return ast.unparse(_Plain().visit(deepcopy(self._node)))

    def code_of(self, name: str) -> str:
        """Its code; of an import, what gives that name."""
        return "; ".join(map(str, self.imported(name))) if self.imports else self._code

    def imported(self, name: str) -> list[_Import]:
        """What it imports, by itself for that name, or somewhere in its body."""
        return [made for made in self._imported if not self.imports or made.bound in (name, ALL)]


@lru_cache(512)
def _statements(path: Path, changed: int, size: int) -> list[_Statement]:
    """A file's statements; the arguments say which state of it."""
    return [_Statement(node) for node in ast.parse(path.read_bytes()).body]


class _File:
    """A Python file of a plug-in."""

    def __init__(self, path: Path, module: str, root: Path):
        self._path, self._module, self._root = path.resolve(), module, root.resolve()
        inside = self._path.is_relative_to(self._root)
        self.label = str(self._path.relative_to(self._root)) if inside else self._path.name
        if module.startswith(OF_A_FILE):
            self.label = ""  # a plug-in that was renamed does the same
        state = self._path.stat()
        self._body = _statements(self._path, state.st_mtime_ns, state.st_size)
        self.bound = frozenset().union(*(statement.bound for statement in self._body))

    def statements_of(self, name: str) -> Iterator[tuple[int, _Statement]]:
        """Statements that give a name its value, or do something with it at the top of the file."""
        for place, statement in enumerate(self._body):
            acts = statement.acts and name in statement.mentioned
            if acts or name in statement.bound or ALL in statement.bound:
                yield place, statement

    def own(self, imported: _Import) -> Iterator[tuple["_File", str | None]]:
        """The plug-in's file that is imported, with the name that is taken from it (None: all of it)."""
        package = self._module if self._path.name == "__init__.py" else self._module.rpartition(".")[0]
        module = resolve_name(imported.module, package or None)
        if imported.name is None:
            yield from ((file, None) for file in self._found(module))
        elif below := list(self._found(f"{module}.{imported.name}")):
            yield from ((file, None) for file in below)
        else:
            wanted = None if imported.name == ALL else imported.name
            yield from ((file, wanted) for file in self._found(module))

    def _found(self, module: str) -> Iterator["_File"]:
        """The plug-in's file that a module is, looked for without importing anything."""
        for folder in (self._root, self._root.parent):  # beside a file; within a package of that name
            place = folder.joinpath(*module.split("."))
            for path in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
                if path.is_file() and is_own(path, self._root):
                    yield _File(path, module, self._root)
                    return


def _imports(statement: ast.stmt) -> Iterator[_Import]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(alias.name, None, alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = "." * node.level + (node.module or "")
                yield _Import(module, alias.name, alias.asname or alias.name)


class _Plain(ast.NodeTransformer):
    """Without docstrings, and without the decorators by which a plug-in is registered."""

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _DEFINITIONS) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, _DEFINITIONS):
            node.decorator_list = [made for made in node.decorator_list if not _registers(made)]
        return self.generic_visit(node)


def _registers(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
    return name in DECORATORS


def _names(statement: ast.AST) -> set[str]:
    """Every name that a statement mentions; those of decorators that register are none."""
    if isinstance(statement, _DEFINITIONS):
        left_out = {id(n) for made in statement.decorator_list if _registers(made) for n in ast.walk(made)}
    else:
        left_out = set()
    nodes = (node for node in ast.walk(statement) if id(node) not in left_out)
    return {node.id for node in nodes if isinstance(node, ast.Name)}


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


def _acts(statement: ast.stmt) -> bool:
    """Whether it may change what a name stands for without binding it: ``WORDS.update(...)``, a loop."""
    if isinstance(statement, ast.If) and "__name__" in _names(statement.test):
        return False  # if __name__ == "__main__"
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    changes = any(isinstance(target, (ast.Subscript, ast.Attribute)) for target in targets)
    kinds = (ast.Expr, ast.AugAssign, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Delete)
    return isinstance(statement, kinds) or changes
