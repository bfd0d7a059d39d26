"""Options of a function, checked against its signature."""

import inspect
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model


@cache
def options_model(function: Callable) -> type[BaseModel]:
    """A closed pydantic model of a function's keyword-only options, made from its signature."""
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    fields = {
        p.name: (p.annotation, ... if p.default is inspect.Parameter.empty else p.default)
        for p in parameters
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }
    # Strict: the function gets the values as they are written, and 24 tokens are not "24".
    config = ConfigDict(extra="forbid", strict=True)
    return create_model(f"{function.__name__}_options", __config__=config, **fields)


def options_given(function: Callable, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a function takes them, each of the type that it declares, without the defaults of others.

    Strict, but as JSON has it: a list is a tuple where that is declared, a mapping a dataclass or a model.

    Raises:
        pydantic.ValidationError: an option that does not exist, is missing, or is of another type.
    """
    checked = _checked(function, options)
    return {name: getattr(checked, name) for name in options}


def options_written(function: Callable, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with the defaults of those that are not given, as plain JSON types.

    Raises:
        pydantic.ValidationError: as :func:`options_given`.
    """
    return _checked(function, options).model_dump(mode="json")


def _checked(function: Callable, options: Mapping[str, Any]) -> BaseModel:
    return options_model(function).model_validate_json(json.dumps(options), strict=True)


def type_problem(settings: Any) -> str | None:
    """The first value of a dataclass that is not of its field's type, in words, or None."""
    for name, adapter in _adapters(type(settings)).items():
        value = getattr(settings, name)
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            return f"{name}: {error.errors()[0]['msg']}; given: {value!r:.200}"
    return None


@cache
def _adapters(cls: type) -> dict[str, TypeAdapter]:
    hints = get_type_hints(cls)
    return {name: TypeAdapter(hints[name]) for name in cls.__dataclass_fields__}
