"""The base of every config section (closed, immutable, compared by value); a look at files that are named."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A config section. Unknown keys are errors, values are never coerced across types by accident."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


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
