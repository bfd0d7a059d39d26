"""The base of every config section: closed, immutable, compared by value."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A config section. Unknown keys are errors, values are never coerced across types by accident."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
