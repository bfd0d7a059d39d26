"""Plug-ins by file or by the entry point of an installed package, in every process of a study."""

import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

from gdpo.plugins.kinds import FIGURES
from gdpo.plugins.options import options_model
from gdpo.plugins.registry import ALL, Place, PluginError, Registry
from gdpo.plugins.source_code import OF_A_FILE, PACKAGE, code_hash, imported_names, is_own
from gdpo.plugins.time_limit import TimeLimit, TimeUp

VARIABLE = "GDPO_PLUGINS"
"""Environment variable with the study's plug-ins, between colons: how they reach every process of it."""
GROUP = "gdpo.plugins"
"""Entry points of installed packages."""
SECONDS = 60.0
"""Wall-clock limit of loading one."""
_ODD = set(":${}\"'\n\\")
"""Characters of a path that the environment, hydra or a shell of a job would take for its own."""
BUILT_IN = (
    "gdpo.rewards.functions",
    "gdpo.rewards.lengths",
    "gdpo.rewards.code",
    "gdpo.rewards.tool_calling",
    "gdpo.advantage",
    "gdpo.tasks",
    "gdpo.data.bfcl",
    "gdpo.data.human_eval",
    "gdpo.data.toy_programs",
    "gdpo.data.toy_tools",
    "gdpo.statistics.sample_metrics",
    "gdpo.reporting.figures",
)
"""Modules of the package that register its own."""


class Plugin(NamedTuple):
    """A plug-in that is loaded."""

    name: str
    """As the experiment names it."""
    module: ModuleType
    root: Path
    """Folder whose Python files are its own."""
    entries: frozenset[tuple[str, str]]
    """(kind, name) of what it registered."""
    files: dict[str, str]
    """Module of its own that is imported -> checksum of its file."""


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
    if list(wanted) == list(_LOADED) and all(map(_is_as_loaded, _LOADED.values())):
        return
    # All of them: they may share files.
    _forget_all()
    try:
        for key, name in wanted.items():
            _load(key, name)
    except PluginError:
        _forget_all()
        raise


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
    entry = (registry.kind, name)
    return next((plugin for plugin in _LOADED.values() if entry in plugin.entries), None)


def code_of(registry: Registry, names: Sequence[str]) -> dict[str, str]:
    """``reward terse`` -> hash of its code, for those of the entries that a plug-in brought."""
    found = {}
    for name in dict.fromkeys(names):
        if plugin := plugin_of(registry, name):
            entry = registry[name]
            classes = [getattr(entry, kind, None) for kind in ("config_cls", "state_cls")]
            things = [entry.function, *filter(None, classes)]
            found[f"{registry.kind} {name}"] = code_hash(things, plugin.root, plugin.module)
    return found


def drawing_code(name: str) -> str:
    """Hash of the code behind a figure, a plug-in's or the package's own."""
    plugin = plugin_of(FIGURES, name)
    function = FIGURES[name].function
    if plugin:
        return code_hash([function], plugin.root, plugin.module)
    return code_hash([function], PACKAGE, sys.modules[function.__module__])


def file_of(registry: Registry, name: str) -> str | None:
    """The plug-in's name, as the experiment has it, that registered an entry; None: the package's own."""
    plugin = plugin_of(registry, name)
    return plugin.name if plugin else None


def loaded_files() -> dict[str, str]:
    """Plug-in, as it is named -> SHA-256 of its file, for a run's provenance."""
    return {plugin.name: plugin.files[plugin.module.__name__] for plugin in _LOADED.values()}


def _is_file(name: str) -> bool:
    return name.endswith(".py") or os.sep in name


def _key(name: str) -> str:
    return str(Path(name).resolve()) if _is_file(name) else name


def _checksum(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def _is_as_loaded(plugin: Plugin) -> bool:
    files = {module: getattr(sys.modules.get(module), "__file__", None) for module in plugin.files}
    return all(file and _checksum(Path(file)) == plugin.files[module] for module, file in files.items())


def _forget_all() -> None:
    for plugin in _LOADED.values():
        for kind, name in plugin.entries:
            del ALL[kind][name]
        _take_back(plugin.root)
    _LOADED.clear()


def _take_back(root: Path) -> None:
    """Forget the modules below a plug-in's folder, also those that its functions imported when they ran."""
    for module in _own_modules(root):
        del sys.modules[module]
    with contextlib.suppress(ValueError):
        sys.path.remove(str(root))


def _forget_package(module: str) -> None:
    """Have a package imported anew: it registers what is its own only then."""
    if (top := module.split(".")[0]) == "gdpo":
        return
    for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
        del sys.modules[name]


def _own_modules(root: Path) -> dict[str, Path]:
    """Name -> file of imported modules that lie below a folder and are of no installed package."""
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    return {
        name: Path(file) for name, file in files.items() if isinstance(file, str) and is_own(Path(file), root)
    }


def _registered() -> set[tuple[str, str]]:
    return {(registry.kind, name) for registry in ALL.values() for name in registry}


def _load(key: str, name: str) -> None:
    before, folder = _registered(), Path.cwd()
    try:
        with _explained(key, name):
            module = _file_module(key, name) if _is_file(name) else _entry_point(name)
            plugin = _described(name, module, frozenset(_registered() - before))
            _check_own(plugin)
    except BaseException:
        for kind, entry in _registered() - before:
            _forget_package(ALL[kind][entry].function.__module__)
            del ALL[kind][entry]
        if _is_file(name):
            _take_back(Path(key).parent)
        raise
    finally:
        os.chdir(folder)  # where the others are looked for
    _LOADED[key] = plugin


def _described(name: str, module: ModuleType, entries: frozenset[tuple[str, str]]) -> Plugin:
    path = Path(module.__file__).absolute()
    package = module.__package__.split(".")[0] if module.__package__ else ""
    root = Path(sys.modules[package].__file__).absolute().parent if package else path.parent
    files = {
        other: _checksum(file)
        for other, file in _own_modules(root).items()
        if not other.startswith(OF_A_FILE)
    }
    return Plugin(name, module, root, entries, files | {module.__name__: _checksum(path)})


def _check_own(plugin: Plugin) -> None:
    """Refuse what comes in by a plug-in and is not its own: nobody would see that its code changes."""
    for kind, name in sorted(plugin.entries):
        function = ALL[kind][name].function
        if function.__module__ not in plugin.files:
            raise PluginError(
                f"{Place.of(function)}: {kind} {name!r} is none of its own files'; name that plug-in before "
                "this one"
            )
        if kind in ("reward", "source"):
            try:
                options_model(function)
            except Exception as error:
                problem = f"its options' types cannot be read ({said(error)})"
                raise PluginError(f"{Place.of(function)}: {kind} {name!r}: {problem}") from error
    if Path(plugin.module.__file__).suffix == ".py" and (other := _namesake(plugin)):
        raise PluginError(other)


def _module_name(key: str) -> str:
    """Equal in every process, as what is pickled names it."""
    return f"{OF_A_FILE}{Path(key).stem}_{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _file_module(key: str, name: str) -> ModuleType:
    path = Path(key)
    if odd := sorted(set(key) & _ODD):
        raise PluginError(
            f"plug-in {name}: {odd[0]!r} in its path ({path}) does not reach every job; move it"
        )
    if not path.is_file():
        raise PluginError(f"plug-in {name}: no file {path}")
    if path.suffix != ".py":
        raise PluginError(f"plug-in {name}: a file ends in .py")
    spec = importlib.util.spec_from_file_location(
        _module_name(key), path, loader=_AsItIs(_module_name(key), key)
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with _in_time(name), _files_beside(path.parent):
        spec.loader.exec_module(module)
    return module


class _AsItIs(SourceFileLoader):
    """Without cached byte code, which is taken for a file's where that changed within a second."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


@contextlib.contextmanager
def _files_beside(folder: Path) -> Iterator[None]:
    """While a plug-in is loaded the files beside it come first; later imports of its functions, last."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _namesake(plugin: Plugin) -> str | None:
    """What is wrong with a module that a plug-in imports, has beside it, and gets from elsewhere."""
    for name in sorted(imported_names(Path(plugin.module.__file__))):
        places = [plugin.root / f"{name}.py", plugin.root / name / "__init__.py"]
        mine = next(filter(Path.is_file, places), None)
        if mine is None or plugin.module.__package__:
            continue
        found = sys.modules.get(name)
        spec = found.__spec__ if found else importlib.util.find_spec(name)
        if spec and spec.origin and Path(spec.origin).resolve() != mine.resolve():
            return f"it imports {name}, and gets {spec.origin} and not {mine}; rename yours"
    return None


def _entry_point(name: str) -> ModuleType:
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise PluginError(
            f"plug-in {name}: no installed package has this entry point of {GROUP} (there are: {there}); "
            "a file ends in .py"
        )
    package = known[name].module.split(".")[0]
    if any(name.split(".")[0] == package for name in sys.modules):
        for registry in ALL.values():
            for entry, made in list(registry.items()):
                if made.function.__module__.split(".")[0] == package:
                    del registry[entry]
        _forget_package(package)
    with _in_time(name):
        module = importlib.import_module(known[name].module)
    if getattr(module, "__file__", None) is None:
        raise PluginError(f"plug-in {name}: its entry point {known[name].module} is no Python file")
    return module


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
        raise PluginError(f"plug-in {name}, line {error.lineno or 1}: SyntaxError: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"plug-in {name}{line_in(error, key)}: {said(error)}") from error


def line_in(error: BaseException, file: str) -> str:
    """``, line 12``: the last line of ``file`` that an error went through; empty where it did not."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", line {frames[-1].lineno}" if frames else ""


def said(error: BaseException, most: int = 200) -> str:
    """An error in one line: its class and words."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:most]
