"""Run a function right after a module has been imported, without importing it."""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_waiting: dict[str, Callable[[], None]] = {}


class _NotifyingLoader(Loader):
    """Loads with the real loader, then calls the waiting function."""

    def __init__(self, loader: Loader):
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _waiting.pop(module.__name__)()

    def __getattr__(self, name: str):
        return getattr(self._loader, name)


class _Finder(MetaPathFinder):
    """Finds only the modules that are waited for, and only the first time."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _waiting:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _NotifyingLoader(spec.loader)
        return spec


def after_import(module: str, function: Callable[[], None]) -> None:
    """Call ``function`` once ``module`` is imported; at once if it already is. One function a module."""
    if module in sys.modules:
        function()
        return
    _waiting[module] = function
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
