"""Python of prompts and tests, read and never run."""

import ast
import builtins
import sys
from collections.abc import Sequence

_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # as Python documents


def parsed(source: str) -> ast.Module | None:
    """Python, or None of another text."""
    try:
        return ast.parse(source)
    except _UNREADABLE:
        return None


def last_function(source: str) -> ast.FunctionDef | None:
    """The last function that a text defines at its top: what HumanEval's prompts ask for."""
    module = parsed(source)
    found = [node for node in module.body if isinstance(node, ast.FunctionDef)] if module else []
    return found[-1] if found else None


def helpers(source: str) -> str:
    """What stands before the last function of a prompt: imports, and functions that its tests may call."""
    function = last_function(source)
    if function is None:
        return ""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return "\n".join(source.split("\n")[: first - 1]).strip()


def tests_something(module: ast.Module) -> bool:
    """Whether Python has an assertion, or defines a function ``check``."""
    nodes = list(ast.walk(module))
    return any(isinstance(node, ast.Assert) for node in nodes) or has_check(module)


def packages(module: ast.Module) -> set[str]:
    """Packages that Python imports beyond its standard library, of which the sandbox has none."""
    nodes = list(ast.walk(module))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def has_check(module: ast.Module) -> bool:
    """Whether Python defines a function ``check`` at its top."""
    return any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in module.body)


def called_function(asserts: Sequence[str], setup: str) -> str | None:
    """The function that all assertions call and that neither Python nor ``setup`` has; of several, the first.

    None: there is none, or some text is no Python.
    """
    modules = [parsed(text) for text in (*asserts, setup)]
    if None in modules:
        return None
    calls = [_called(module) for module in modules[:-1]]
    known = {*dir(builtins), *_defined(modules[-1])}
    everywhere = [name for name in calls[0] if name not in known and all(name in other for other in calls)]
    return everywhere[0] if everywhere else None


def _called(module: ast.Module) -> list[str]:
    """Names that are called, outer calls first."""
    nodes = (node for node in ast.walk(module) if isinstance(node, ast.Call))
    return [node.func.id for node in nodes if isinstance(node.func, ast.Name)]


def _defined(module: ast.Module) -> set[str]:
    named = (ast.FunctionDef, ast.ClassDef)
    found = {node.name for node in module.body if isinstance(node, named)}
    imports = (node for node in module.body if isinstance(node, (ast.Import, ast.ImportFrom)))
    return found | {alias.asname or alias.name for node in imports for alias in node.names}
