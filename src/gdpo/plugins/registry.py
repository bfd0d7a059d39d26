"""Named parts that the package and a user's files bring: one registry a kind, one way in."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

Entry = TypeVar("Entry")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class PluginError(ValueError):
    """A plug-in that cannot be used; the message is one sentence with file and line."""


class Place(NamedTuple):
    """Where something is defined."""

    file: str
    line: int

    @classmethod
    def of(cls, thing: Callable) -> "Place":
        """Of a function, or of a class, for which the line is looked up."""
        if code := getattr(inspect.unwrap(thing), "__code__", None):
            return cls(code.co_filename, code.co_firstlineno)
        try:
            return cls(inspect.getfile(thing), inspect.getsourcelines(thing)[1])
        except (OSError, TypeError):
            return cls(getattr(thing, "__module__", "?"), 0)

    def __str__(self) -> str:
        file = Path(self.file)
        shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        return f"{shown}, line {self.line}"


class Registry(dict[str, Entry]):
    """Name -> entry, whose ``function`` is what was decorated.

    Args:
        kind: what the entries are, as errors call them: ``reward``.
    """

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        ALL[kind] = self

    def add(self, name: str, entry: Entry) -> None:
        """Register an entry under a name of letters, digits, underscores and dashes.

        Raises:
            PluginError: the name is no name, or is taken.
        """
        function = entry.function
        if not _NAME.fullmatch(name):
            raise PluginError(
                f"{Place.of(function)}: {self.kind} {name!r}: a name has letters, digits, _ and -"
            )
        if name in self:
            raise PluginError(
                f"{Place.of(function)}: {self.kind} {name!r}: the name is taken, by "
                f"{self.place(name)}; choose another"
            )
        self[name] = entry

    def place(self, name: str) -> Place:
        """Where an entry is defined."""
        return Place.of(self[name].function)


ALL: dict[str, Registry] = {}
"""Kind -> its registry."""


def parameters_of(kind: str, function: Callable) -> dict[str, inspect.Parameter]:
    """A function's parameters by name.

    Raises:
        PluginError: it is no function, or takes any number of arguments (``*args``, ``**kwargs``).
    """
    if not callable(function):
        raise PluginError(f"@{kind} is for functions, not for {function!r}")
    found = dict(inspect.signature(function).parameters)
    loose = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if any(parameter.kind in loose for parameter in found.values()):
        raise misfit(kind, function, "takes any number of arguments; name each option, so that it is checked")
    return found


def check_signature(kind: str, function: Callable, first: str | None) -> None:
    """Check that a function takes one argument or none, and options as keywords, each with a type.

    Args:
        kind: what the decorator is called.
        function: the function.
        first: what its one argument is, in words; None: it takes options only.

    Raises:
        PluginError: it does not.
    """
    given = list(parameters_of(kind, function).values())
    keywords = [p for p in given if p.kind is inspect.Parameter.KEYWORD_ONLY]
    positional = [p for p in given if p not in keywords]
    if first is None and positional:
        raise misfit(kind, function, f"takes {positional[0].name}; it must take options only, after a *")
    if first and (len(positional) != 1 or positional[0].default is not inspect.Parameter.empty):
        names = ", ".join(p.name for p in positional) or "nothing"
        raise misfit(kind, function, f"takes {names}; it must take {first}, and options after a *")
    for p in keywords:
        if p.annotation is inspect.Parameter.empty:
            raise misfit(kind, function, f"option {p.name} has no type; write {p.name}: int, say")


def misfit(kind: str, function: Callable, problem: str) -> PluginError:
    """The error of a function that does not fit its decorator."""
    name = getattr(function, "__name__", repr(function))
    return PluginError(f"{Place.of(function)}: {kind} {name!r} {problem}")
