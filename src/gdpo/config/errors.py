"""Config errors that name the file, the key, what was given and what is allowed."""

import re
import reprlib
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

_SHORT = reprlib.Repr()
"""What was given, cut where it is long or deep: it may be a whole section, or what another tool wrote."""
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 6, 200, 200, 200
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = 20


class ConfigError(ValueError):
    """A config that cannot be used; the message has one line a problem."""


def config_error(
    error: ValidationError, model: type[BaseModel], written: Callable[[str], str] = lambda key: key
) -> ConfigError:
    """A :class:`ConfigError` from pydantic's error: ``<key>: <problem>; given: <value>``, or the nearest key.

    Args:
        error: what pydantic raised.
        model: the model that was validated, for the nearest valid key of a typo.
        written: dotted key in the model -> the key under which the user wrote it.
    """
    problems = (_key_and_text(problem, model) for problem in error.errors(include_url=False))
    return ConfigError("\n".join(f"{written(key)}: {text}" if key else text for key, text in problems))


def single_values(error: ValidationError, model: type[BaseModel], prefix: str) -> list[str]:
    """The lines of an error that are about one given value: nothing missing, no check over several keys."""
    problems = [p for p in error.errors(include_url=False) if p["type"] not in ("missing", "value_error")]
    return [f"{prefix}{key}: {text}" for key, text in (_key_and_text(p, model) for p in problems)]


def _key_and_text(problem: dict, model: type[BaseModel]) -> tuple[str, str]:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        allowed = sorted(_fields_at(model, problem["loc"][:-1]))
        close = get_close_matches(str(problem["loc"][-1]), allowed, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        return key, f"unknown key; {hint}allowed: {', '.join(allowed) or 'none'}"
    if problem["type"] == "missing":
        return key, "missing"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] != "value_error":
        return key, f"{message}; given: {_SHORT.repr(problem['input'])}"
    if not key and (named := re.match(r"([\w-]+(?:\.[\w.-]+)*): (.*)", message, re.S)):
        return named[1], named[2]  # a check over several keys names its key itself
    return key, message


def _fields_at(model: type[BaseModel], loc: Iterable[str | int]) -> set[str]:
    """Names of the fields of the section that ``loc`` leads to, through dictionaries and unions."""
    sections = {model}
    for part in loc:
        found = set()
        for section in sections:
            field = section.model_fields.get(str(part))
            found |= _sections_in(field.annotation) if field else {section}
        sections = found or sections
    return set().union(*(section.model_fields for section in sections))


def _sections_in(annotation: object) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return set().union(*(_sections_in(arg) for arg in getattr(annotation, "__args__", ())), set())
