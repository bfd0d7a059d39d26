"""What a function of a plug-in does, as a hash: of its code and of all of the file's that it uses.

Comments, docstrings, blank lines and other functions are not in it. What it imports from the plug-in's own
folder (or package) is; installed packages, and files that it reads, are not. Where the code cannot be
followed (``eval``, functions made by others), all of its file counts: rather too much than too little.
"""

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType

from gdpo.plugins.statements import ALL, UNFOLLOWED, Import, Statement, statements

OF_A_FILE = "gdpo_plugin_"
"""What the names of modules begin with that are plug-ins by file."""
PACKAGE = Path(__file__).resolve().parents[1]
"""This package's own folder: no plug-in's, wherever that lies."""


def code_hash(things: Sequence[Callable], root: Path, main: ModuleType) -> str:
    """Eight hexadecimal digits of what functions and classes do.

    Args:
        things: functions and classes; those that are not of the plug-in are left out.
        root: folder of the plug-in: modules below it count as its own.
        main: the plug-in itself.
    """
    found: dict[tuple, str] = {}
    whole = _File(Path(main.__file__), main.__name__, root)
    for thing in things:
        module = sys.modules[thing.__module__]
        path = Path(module.__file__)
        if not is_own(path, root):
            continue
        file, name = _File(path, module.__name__, root), thing.__qualname__
        if name in file.bound:
            _collect(file, name, found)
            continue
        # A lambda, or what a call made, has no name at the top of a file: all that may have made it counts.
        for other in (file, whole):
            _collect(other, None, found)
    lines = [f"{key[0]}:{code}" for key, code in sorted(found.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def is_own(file: Path, root: Path) -> bool:
    """Whether a file belongs to a plug-in: below its folder, and no installed package."""
    file, root = file.absolute(), root.absolute()
    if not (file.is_relative_to(root) and file.suffix == ".py"):
        return False
    # A plug-in may lie beside the folder of a virtual environment.
    installed = {"site-packages", "dist-packages"} & set(file.relative_to(root).parts)
    ours = file.resolve().is_relative_to(PACKAGE) and not root.resolve().is_relative_to(PACKAGE)
    return not installed and not ours


def imported_names(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, within functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def _collect(file: "_File", name: str | None, found: dict[tuple, str]) -> None:
    """Add the code behind a name of a file to ``found`` (place -> code), and all that it uses.

    Args:
        file: the file.
        name: bound at its top; None: everything in it.
        found: is added to.
    """
    _collect_effects(file, found)
    waiting, known = ([name] if name is not None else [*sorted(file.bound), None]), set()
    while waiting:
        known.add(name := waiting.pop())
        for statement in file.statements_of(name):
            key = (file.label, *statement.key, (name or "") if statement.imports else "")
            if key in found:
                continue
            found[key] = statement.code_of(name)
            if statement.mentioned & UNFOLLOWED:
                found[key] += statement.with_docstrings
                waiting += sorted(file.bound - known)
                for other in file.beside():
                    if (other.label, -1, ALL, 0, "all") not in found:
                        found[other.label, -1, ALL, 0, "all"] = ""
                        _collect(other, None, found)
            waiting += sorted((statement.mentioned & file.bound) - known)
            for imported in statement.imported(name):
                for other, wanted in file.own(imported):
                    _collect(other, wanted if wanted in other.bound else None, found)


def _collect_effects(file: "_File", found: dict[tuple, str]) -> None:
    """Add what runs as a file is imported: its packages, and what its imports do at their top."""
    mark = (file.label, -1, ALL, 0, "")
    if mark in found:
        return
    found[mark] = ""
    for other in file.packages():
        _collect(other, None, found)
    for other in file.imported_files():
        _collect_effects(other, found)
        for statement in other.statements_of(None):
            found.setdefault((other.label, *statement.key, ""), statement.code_of(None))
            for name in sorted(statement.mentioned & other.bound):
                _collect(other, name, found)


class _File:
    """A Python file of a plug-in."""

    def __init__(self, path: Path, module: str, root: Path):
        self._path, self._module, self._root = path.absolute(), module, root.absolute()
        inside = self._path.is_relative_to(self._root)
        self.label = str(self._path.relative_to(self._root)) if inside else self._path.name
        if module.startswith(OF_A_FILE):
            self.label = ""  # a plug-in that was renamed does the same
        state = self._path.stat()
        self._body = statements(self._path, state.st_mtime_ns, state.st_size)
        self.bound = frozenset().union(*(statement.bound for statement in self._body))

    def statements_of(self, name: str | None) -> Iterator[Statement]:
        """Statements that give a name its value, or do something with it; for None, all that do something."""
        for statement in self._body:
            acts = statement.acts and (
                name is None
                or name in self._reached(statement)
                or bool(statement.mentioned & self._own_names)
            )
            if acts or name in statement.bound or ALL in statement.bound:
                yield statement

    def _reached(self, statement: Statement) -> frozenset[str]:
        """Names of the file that a statement mentions, or what it mentions does, and so on."""
        if statement not in self._reach:
            names, waiting = set(), set(statement.mentioned)
            while waiting:
                names.add(name := waiting.pop())
                for other in self._body:
                    if name in other.bound:
                        waiting |= other.mentioned - names
            self._reach[statement] = frozenset(names)
        return self._reach[statement]

    @cached_property
    def _reach(self) -> dict[Statement, frozenset[str]]:
        return {}

    @cached_property
    def _own_names(self) -> frozenset[str]:
        """Names that are of the plug-in's other files: what is done to them may be done to what they hold."""
        made = [made for statement in self._body if statement.imports for made in statement.all_imports]
        return frozenset(one.bound for one in made if any(True for _ in self.own(one)))

    def imported_files(self) -> Iterator["_File"]:
        """The plug-in's files that are imported at the top of this one."""
        if self._root == PACKAGE:
            return  # our own modules do nothing but register
        for statement in self._body:
            for made in statement.all_imports if statement.imports else []:
                yield from (file for file, _ in self.own(made))

    def beside(self) -> Iterator["_File"]:
        """The files in its folder, any of which may be imported by a name that is not to be seen."""
        for path in sorted(self._path.parent.glob("*.py")) if self._root != PACKAGE else []:
            if path != self._path and is_own(path, self._root):
                yield _File(path, path.stem, self._root)

    def packages(self) -> Iterator["_File"]:
        """Files that run as this one is imported: of the packages around it. Our own do nothing."""
        for folder in self._path.parents:
            if not folder.is_relative_to(self._root) or self._root == PACKAGE:
                return
            path = folder / "__init__.py"
            if path.is_file() and path != self._path:
                module = ".".join(folder.relative_to(self._root.parent).parts)
                yield _File(path, module, self._root)

    def own(self, imported: Import) -> Iterator[tuple["_File", str | None]]:
        """The plug-in's file that is imported, with the name that is taken from it (None: all of it)."""
        package = self._module if self._path.name == "__init__.py" else self._module.rpartition(".")[0]
        if imported.module.startswith(".") and not package:
            return  # it fails, as Python says where it runs
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
