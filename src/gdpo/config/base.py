"""The base of every config section (closed, immutable, compared by value); a look at files that are named."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

_LATER = "later"


class Section(BaseModel):
    """A config section. Unknown keys are errors, values are never coerced across types by accident."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Mix(Section):
    """Shares, relative to each other."""

    @model_validator(mode="after")
    def _some(self) -> "Mix":
        if not sum(self.model_dump().values()):
            raise ValueError(
                f"every share is 0; give one to at least one of {', '.join(type(self).model_fields)}"
            )
        return self


def later(default: Any, **limits: Any) -> Any:
    """A key that is younger than studies that people have: at its default, it does what was always done.

    There :func:`written` leaves it out, so that an update of this package trains no finished run again.
    """
    return Field(default=default, json_schema_extra=_mark, **limits)


def _mark(schema: dict[str, Any]) -> None:
    """Nothing in the schema: the function itself is the mark."""


def written(section: BaseModel) -> dict[str, Any]:
    """A section as plain JSON types, defaults included, but for keys of :func:`later` at their default."""
    return _without_later(section, section.model_dump(mode="json"))


def _without_later(value: Any, dumped: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: _without_later(getattr(value, name), found)
            for name, found in dumped.items()
            if not (
                name in fields
                and fields[name].json_schema_extra is _mark
                and getattr(value, name) == fields[name].default
            )
        }
    if isinstance(value, dict) and isinstance(dumped, dict):
        return {
            name: _without_later(value[key], dumped[name]) for key, name in zip(value, dumped, strict=True)
        }
    if isinstance(value, (list, tuple)):
        return [_without_later(*each) for each in zip(value, dumped, strict=True)]
    return dumped


def is_file(path: Path) -> bool:
    """Whether a file can be seen there: not in a folder that may not be entered, nor by too long a name."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder can be seen there; see :func:`is_file`."""
    try:
        return path.is_dir()
    except OSError:
        return False
