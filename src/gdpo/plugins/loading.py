"""Plug-ins by file or by the entry point of an installed package, in every process of a study."""

import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from gdpo.plugins.kinds import FIGURES
from gdpo.plugins.registry import ALL, PluginError, Registry
from gdpo.plugins.source_code import OF_A_FILE, PACKAGE, code_hash, imported_names, is_own
from gdpo.plugins.time_limit import TimeLimit, TimeUp

VARIABLE = "GDPO_PLUGINS"
"""Environment variable with the study's plug-ins, between colons: how they reach every process of it."""
GROUP = "gdpo.plugins"
"""Entry points of installed packages."""
SECONDS = 60.0
"""Wall-clock limit of loading one."""
BUILT_IN = (
    "gdpo.rewards.functions",
    "gdpo.rewards.lengths",
    "gdpo.advantage",
    "gdpo.grading.choice",
    "gdpo.grading.judge",
    "gdpo.statistics.sample_metrics",
    "gdpo.reporting.figures",
)
"""Modules of the package that register its own."""


class Plugin(NamedTuple):
    """A plug-in that is loaded."""

    name: str
    """As the experiment names it."""
    module: ModuleType
    modules: frozenset[str]
    """Modules of its own that it imported, itself among them."""
    root: Path
    """Folder whose Python files are its own."""
    content: str
    """Checksum of its file."""


_LOADED: dict[str, Plugin] = {}


def load(names: Sequence[str]) -> None:
    """Have the package's own and these plug-ins registered, and no others.

    Args:
        names: files (``my/rewards.py``) or entry points of the group ``gdpo.plugins``.

    Raises:
        PluginError: a plug-in cannot be had or does not load; the message names it, with file and line.
    """
    for module in BUILT_IN:
        importlib.import_module(module)
    wanted = {_key(name): name for name in names}
    for key, plugin in list(_LOADED.items()):
        if key not in wanted or _content(Path(plugin.module.__file__)) != plugin.content:
            _forget(key)
    for key, name in wanted.items():
        if key not in _LOADED:
            _load(key, name)


def load_from_environment() -> None:
    """Load what the study that started this process named.

    Raises:
        PluginError: see :func:`load`.
    """
    load(named_in_environment())


def named_in_environment() -> tuple[str, ...]:
    """The plug-ins of the study that started this process."""
    return tuple(name for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name)


def located(names: Sequence[str]) -> tuple[str, ...]:
    """Plug-ins with whole paths, as jobs may start in another folder."""
    return tuple(map(_key, names))


def variable(names: Sequence[str]) -> str:
    """What :data:`VARIABLE` is for these plug-ins."""
    return os.pathsep.join(located(names))


def folders(names: Sequence[str]) -> list[str]:
    """Folders of the files among plug-ins, whole paths."""
    return list(dict.fromkeys(str(Path(_key(name)).parent) for name in names if _is_file(name)))


def plugin_of(registry: Registry, name: str) -> Plugin | None:
    """The plug-in that registered an entry; None where it is the package's own."""
    module = getattr(registry.functions.get(name), "__module__", "")
    return next((plugin for plugin in _LOADED.values() if module in plugin.modules), None)


def code_of(registry: Registry, names: Sequence[str]) -> dict[str, str]:
    """``reward terse`` -> hash of its code, for those of the entries that a plug-in brought."""
    found = {}
    for name in dict.fromkeys(names):
        if plugin := plugin_of(registry, name):
            entry = registry[name]
            classes = [getattr(entry, kind, None) for kind in ("config_cls", "state_cls")]
            things = [registry.functions[name], *filter(None, classes)]
            found[f"{registry.kind} {name}"] = code_hash(things, plugin.root, plugin.module)
    return found


def drawing_code(name: str) -> str:
    """Hash of the code behind a figure, a plug-in's or the package's own."""
    plugin = plugin_of(FIGURES, name)
    function = FIGURES.functions[name]
    if plugin:
        return code_hash([function], plugin.root, plugin.module)
    return code_hash([function], PACKAGE, sys.modules[function.__module__])


def file_of(registry: Registry, name: str) -> str | None:
    """The plug-in's name, as the experiment has it, that registered an entry; None: the package's own."""
    plugin = plugin_of(registry, name)
    return plugin.name if plugin else None


def loaded_files() -> dict[str, str]:
    """Plug-in, as it is named -> SHA-256 of its file, for a run's provenance."""
    return {plugin.name: plugin.content for plugin in _LOADED.values()}


def _is_file(name: str) -> bool:
    return name.endswith(".py") or os.sep in name


def _key(name: str) -> str:
    return str(Path(name).resolve()) if _is_file(name) else name


def _content(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def _forget(key: str) -> None:
    plugin = _LOADED[key]
    for registry in ALL.values():
        for name, function in list(registry.functions.items()):
            if function.__module__ in plugin.modules:
                registry.drop(name)
    for module in plugin.modules:
        sys.modules.pop(module, None)
    if str(plugin.root) in sys.path:
        sys.path.remove(str(plugin.root))
    del _LOADED[key]


def _load(key: str, name: str) -> None:
    before = set(sys.modules)
    with _explained(key, name):
        module = _file_module(key, name) if _is_file(name) else _entry_point(name)
    path = Path(module.__file__).resolve()
    package = module.__package__.split(".")[0] if module.__package__ else ""
    root = Path(sys.modules[package].__file__).resolve().parent if package else path.parent
    files = {new: getattr(sys.modules[new], "__file__", None) for new in set(sys.modules) - before}
    own = {new for new, file in files.items() if file and is_own(Path(file), root)}
    _LOADED[key] = Plugin(name, module, frozenset(own | {module.__name__}), root, _content(path))


def _file_module(key: str, name: str) -> ModuleType:
    path = Path(key)
    if not path.is_file():
        raise PluginError(f"plug-in {name}: no file {path}")
    # Equal in every process, as what is pickled names it.
    unique = f"{OF_A_FILE}{path.stem}_{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    with _nothing_left_of_a_failure(unique), _in_time(name), _files_beside(path.parent):
        spec.loader.exec_module(module)
    if other := _namesake(path):
        _nothing_left(unique)
        raise PluginError(
            f"plug-in {name}: it imports {other}, and another plug-in has a file of that name; rename one"
        )
    return module


@contextlib.contextmanager
def _files_beside(folder: Path) -> Iterator[None]:
    """While a plug-in is loaded the files beside it come first; later imports of its functions, last."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _namesake(path: Path) -> str | None:
    """A module that a plug-in imports, where it has a file of that name beside it and got another one."""
    for name in imported_names(path):
        beside, found = path.with_name(f"{name}.py"), getattr(sys.modules.get(name), "__file__", None)
        if found and beside.is_file() and Path(found).resolve() != beside.resolve():
            return name
    return None


def _entry_point(name: str) -> ModuleType:
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise PluginError(
            f"plug-in {name}: no installed package has this entry point of {GROUP} (there are: {there}); "
            "a file ends in .py"
        )
    with _in_time(name):
        return importlib.import_module(known[name].module)


@contextlib.contextmanager
def _nothing_left_of_a_failure(module: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _nothing_left(module)
        raise


def _nothing_left(module: str) -> None:
    for registry in ALL.values():
        for name in [n for n, f in registry.functions.items() if f.__module__ == module]:
            registry.drop(name)
    sys.modules.pop(module, None)


@contextlib.contextmanager
def _in_time(name: str) -> Iterator[None]:
    limit = TimeLimit(SECONDS)
    with (
        limit.calls(),
        limit.call(lambda: f"PluginError: plug-in {name} took longer than {SECONDS:g} s to load"),
    ):
        yield


@contextlib.contextmanager
def _explained(key: str, name: str) -> Iterator[None]:
    """Errors of a plug-in's own code as one sentence with file and line."""
    try:
        yield
    except PluginError as error:
        text = str(error)
        raise PluginError(text if text.startswith("plug-in ") else f"plug-in {name}: {text}") from error
    except TimeUp:
        raise PluginError(f"plug-in {name}: took longer than {SECONDS:g} s to load") from None
    except SyntaxError as error:
        raise PluginError(f"plug-in {name}, line {error.lineno}: SyntaxError: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"plug-in {name}{line_in(error, key)}: {said(error)}") from error


def line_in(error: BaseException, file: str) -> str:
    """``, line 12``: the last line of ``file`` that an error went through; empty where it did not."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", line {frames[-1].lineno}" if frames else ""


def said(error: BaseException, most: int = 200) -> str:
    """An error in one line: its class and words."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:most]
