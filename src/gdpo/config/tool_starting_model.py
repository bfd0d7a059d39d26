"""How the small model of tool calls is made: its lessons, of varied quality, and its schedule."""

from typing import Literal

from pydantic import Field

from gdpo.config.base import Mix
from gdpo.config.starting_model import Architecture, Pretraining
from gdpo.config.toy_tools import ToolRequests


class FormMix(Mix):
    """Shares of the forms of a lesson, relative to each other; all but `proper` break the format."""

    proper: float = Field(default=0.36, ge=0)
    """Reasoning, a newline, the parts."""

    no_newline: float = Field(default=0.16, ge=0)
    """A newline beside a tag is missing."""

    no_think: float = Field(default=0.12, ge=0)
    """The reasoning is left out, with its tags."""

    extra_response: float = Field(default=0.12, ge=0)
    """A response at the end that was not asked for."""

    unclosed: float = Field(default=0.04, ge=0)
    """The last part has its opening tag in place of its closing one, or none; correctness suffers too."""

    doubled: float = Field(default=0.06, ge=0)
    """The closing tag of a part comes twice."""

    swapped: float = Field(default=0.06, ge=0)
    """The response before the call; of one part alone, the part before the reasoning."""

    trailing: float = Field(default=0.08, ge=0)
    """A word after the end."""


class ContentMix(Mix):
    """Shares of what a lesson calls; a flaw that its request has no place for leaves it right."""

    right: float = Field(default=0.35, ge=0)
    """As it should be."""

    wrong_value: float = Field(default=0.2, ge=0)
    """One argument has another value of its kind."""

    dropped_parameter: float = Field(default=0.1, ge=0)
    """One argument is missing."""

    wrong_tool: float = Field(default=0.1, ge=0)
    """One call names another of the offered tools."""

    dropped_call: float = Field(default=0.08, ge=0)
    """One of several calls is missing."""

    extra_call: float = Field(default=0.05, ge=0)
    """A call of an offered tool too many; the only flaw where no tool fits."""

    number_as_text: float = Field(default=0.07, ge=0)
    """A number stands in quotes."""

    broken_json: float = Field(default=0.05, ge=0)
    """A brace or a quote is missing; no call can be read then."""


class ReasoningMix(Mix):
    """Shares of how much a lesson reasons, relative to each other."""

    none: float = Field(default=0.3, ge=0)
    """Nothing between the tags."""

    short: float = Field(default=0.4, ge=0)
    """The names of the tools."""

    steps: float = Field(default=0.3, ge=0)
    """Tools, parameters and values, and how each value is worked out."""


class ToolStartingModel(Pretraining):
    """The stand-in for an instruct model, pre-trained on tool calls of varied quality."""

    source: Literal["pretrained-on-tools"] = "pretrained-on-tools"
    """Where the model comes from."""

    architecture: Architecture = Architecture(hidden_size=96, layers=3, feed_forward_size=288, context=320)
    """Size of the model; unless said otherwise 3 layers, 96 wide, 288 in between, 320 tokens of context."""

    steps: int = Field(default=2400, ge=1, le=100_000)
    """Optimizer steps; the work is fixed by steps, never by time."""

    max_tokens: int = Field(default=128, ge=8, le=1024)
    """Longest response in the held-out measurement, in tokens."""

    requests: ToolRequests = ToolRequests()
    """Mix and difficulty of the lessons' requests, drawn from the train split only."""

    form: FormMix = FormMix()
    """How well formed lessons are."""

    content: ContentMix = ContentMix()
    """How right their calls are."""

    reasoning: ReasoningMix = ReasoningMix()
    """How much they reason."""

    care: float = Field(default=6, ge=1, le=1000)
    """How many times likelier, against each flaw, a right call is where the reasoning is worked out."""
