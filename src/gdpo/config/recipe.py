"""Recipe files: YAML that inherits from parents and holds only what differs from them."""

import json
import math
import re
import shlex
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from gdpo.config.base import is_file
from gdpo.config.errors import ConfigError

INHERITS = "inherits"
"""Key that lists a recipe's parents: paths under the config folder, without ``.yaml``; a later one wins."""
COMMAND_LINE = "command line"
"""Stands for the file of a value that was given there."""
_DEEPEST, _MOST_VALUES = 40, 100_000
_DISCRIMINATORS = ("source", "task")
"""Keys that say which kind of section it is; a section of another kind replaces its parent's whole."""


@dataclass(frozen=True)
class Recipe:
    """A recipe with all that it inherits."""

    values: dict[str, Any]
    """The merged sections."""
    origins: dict[str, str]
    """Dotted key of every leaf -> the file (or command line) that gave it."""
    fallback: str
    """The file that was asked for."""

    def origin(self, key: str) -> str:
        """The file in which ``key``, a section above it, or something in it was written."""
        parts = key.split(".")
        for end in range(len(parts), 0, -1):
            prefix = ".".join(parts[:end])
            for leaf, file in self.origins.items():
                if leaf == prefix or leaf.startswith(prefix + "."):
                    return file
        return self.fallback


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe and its parents, and put ``overrides`` (dotted key -> value) over the result.

    Raises:
        ConfigError: a missing, cyclic or unreadable file, or a value that repeats what is inherited.
    """
    recipe = _read(path, path.parent, (), {})
    values, origins = recipe.values, recipe.origins
    for key, value in (overrides or {}).items():
        values = merge(values, nested({key: value}))
        origins = {**origins, key: COMMAND_LINE}
    return Recipe(values, origins, str(path))


def _read(path: Path, root: Path, heirs: tuple[Path, ...], known: dict[Path, Recipe]) -> Recipe:
    """``known`` has what was read: n files that each name a parent twice would ask for it 2^n times."""
    if path in heirs:
        raise ConfigError(f"{path}: inherits from itself: {' -> '.join(map(str, (*heirs, path)))}")
    if len(heirs) >= _DEEPEST:
        raise ConfigError(f"{path}: more than {_DEEPEST} generations of parents; let it inherit from fewer")
    if path in known:
        return known[path]
    own = _load(path)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for parent in _parents(path, own.pop(INHERITS, []), root):
        inherited = _read(parent, root, (*heirs, path), known)
        values = merge(values, inherited.values)
        origins |= inherited.origins
    if repeated := list(repeats(own, values)):
        raise ConfigError(
            "\n".join(
                f"{path}: {key}: {value!r} is what {origins.get(key, 'its parent')} says already; remove it"
                for key, value in repeated
            )
        )
    origins |= {key: str(path) for key, _ in leaves(own)}
    known[path] = Recipe(merge(values, own), origins, str(path))
    return known[path]


def _load(path: Path) -> dict[str, Any]:
    try:
        values = _plain_yaml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold a mapping of sections, not {type(values).__name__}")
    return values


def _plain_yaml(text: str) -> Any:
    """A YAML text of mappings with text keys, lists, texts, finite numbers, booleans and nulls.

    Raises:
        ConfigError: anything else; the message says where.
    """
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"more than {_DEEPEST} levels") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        # PyYAML's constructors raise what Python raises for values that are not of their tag, as !!int one.
        problem = f"{type(error).__name__}: {str(error)[:100]}"
        raise ConfigError(f"not valid YAML: a value that its type does not have ({problem})") from error
    _check_plain(value, [], [0])
    return value


def _check_plain(value: Any, keys: list[str], seen: list[int]) -> None:
    """Check types, depth and, as aliases can say much with little, the number of values."""
    where = ".".join(keys[:6]) or "the value"
    seen[0] += 1
    if len(keys) > _DEEPEST or seen[0] > _MOST_VALUES:
        raise ConfigError(f"{where}: more than {_DEEPEST} levels or {_MOST_VALUES} values")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ConfigError(f"{where}: the key {key!r} is no text; quote it")
            _check_plain(key, [*keys, key], seen)
            _check_plain(item, [*keys, key], seen)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_plain(item, [*keys, str(index)], seen)
    elif isinstance(value, str):
        if not value.isprintable() and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
            raise ConfigError(f"{where}: {value[:40]!a} is no text that a file can hold")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ConfigError(f"{where}: a number of {value.bit_length()} bits; whole numbers have up to 63")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where}: {value} is no finite number")
    elif not (value is None or isinstance(value, bool | int | float)):
        kind = type(value).__name__
        raise ConfigError(
            f"{where}: {str(value)[:40]!r} is a {kind}, which no key takes; quote it if it is a text"
        )


class _Loader(yaml.SafeLoader):
    """YAML in which a key given twice is an error, and 1e-6 is a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # a list or mapping, which is no key: the error is PyYAML's own
            if key in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is given twice", key_node.start_mark
                )
            keys.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: list(resolvers) for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(  # YAML 1.1, which PyYAML reads, takes 1e-6 for text
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _parents(path: Path, names: Any, root: Path) -> Iterator[Path]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{path}: {INHERITS}: must be a list of recipes; given: {names!r}")
    for name in names:
        parent = root / f"{name}.yaml"
        if not _is_recipe(name, parent):
            known = sorted(str(p.relative_to(root).with_suffix("")) for p in root.rglob("*.yaml"))
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known)}"
            raise ConfigError(f"{path}: {INHERITS}: no recipe {parent}{hint}")
        yield parent


def _is_recipe(name: str, path: Path) -> bool:
    if {"..", ".", ""} & set(name.split("/")):
        return False  # another spelling of a file would hide that it inherits from itself
    return is_file(path)


def merge(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """``parent`` with the values of ``child`` put over it, sections within sections alike.

    ``null`` over a section removes it; a section of another ``source`` or ``task`` replaces its parent's.
    """
    merged = dict(parent)
    for key, value in child.items():
        old = merged.get(key)
        if value is None and isinstance(old, Mapping):
            del merged[key]
        elif isinstance(value, Mapping) and isinstance(old, Mapping) and not _other_kind(old, value):
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def _other_kind(parent: Mapping[str, Any], child: Mapping[str, Any]) -> bool:
    if "licence" in parent:  # a dataset keeps its file and columns under another task
        return False
    return any(key in parent and key in child and parent[key] != child[key] for key in _DISCRIMINATORS)


def repeats(child: Mapping[str, Any], parent: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of ``child`` that say what ``parent`` says already."""
    for key, value in child.items():
        if key not in parent:
            continue
        old = parent[key]
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if not _other_kind(old, value):
                yield from ((f"{key}.{below}", found) for below, found in repeats(value, old))
        elif type(value) is type(old) and value == old:
            yield key, value


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of everything in nested sections that is not itself a filled section."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nested(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Sections within sections from dotted keys: ``{"a.b": 1}`` -> ``{"a": {"b": 1}}``."""
    sections: dict[str, Any] = {}
    for dotted, value in changes.items():
        *above, last = dotted.split(".")
        for part in reversed([*above, last]):
            value = {part: value}
        sections = merge(sections, value)
    return sections


def set_argument(changes: Sequence[str]) -> str:
    """What ``snakemake --config`` takes for changes: ``set=KEY=VALUE ...``, quoted as a shell would.

    Snakemake strips quotes from the ends of a value and reads what is left as YAML; where a change has
    blanks, it gets a YAML text between blanks.
    """
    joined = shlex.join(changes)
    return f"set={joined}" if "'" not in joined else f"set= {json.dumps(joined)} "


def parse_changes(changes: Iterable[str]) -> dict[str, Any]:
    """Dotted keys and values from the command line: ``training.steps=20``, the value in YAML.

    Raises:
        ConfigError: a change is not KEY=VALUE, or its value no YAML that a recipe could hold.
    """
    parsed = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not (key and equals):
            raise ConfigError(f"{change}: give KEY=VALUE, as in training.steps=20")
        if key.count(".") >= _DEEPEST:
            raise ConfigError(f"{key[:60]}...: more than {_DEEPEST} levels; give a key of the experiment")
        try:
            parsed[key] = _plain_yaml(value)
        except ConfigError as error:
            raise ConfigError(f"{key}: {value!r:.200}: {error}") from error
    return parsed
