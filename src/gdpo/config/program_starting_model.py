"""How the small model of programs is made: its lessons, of varied quality, and its schedule."""

from typing import Literal

from pydantic import Field

from gdpo.config.base import Mix
from gdpo.config.starting_model import Architecture, Pretraining
from gdpo.config.toy_programs import ProgrammingProblems


class ProgramMix(Mix):
    """Shares of what a lesson's program is like; a flaw that its problem has no place for leaves it right."""

    right: float = Field(default=0.3, ge=0)
    """As it should be."""

    wrong_constant: float = Field(default=0.15, ge=0)
    """A constant is another; as the next three, it runs and fails tests."""

    wrong_step: float = Field(default=0.1, ge=0)
    """A step does something else with its constant."""

    dropped_step: float = Field(default=0.05, ge=0)
    """The last step is left out."""

    no_return: float = Field(default=0.04, ge=0)
    """The value is worked out and not returned."""

    undefined_name: float = Field(default=0.07, ge=0)
    """A name that nothing has."""

    broken_syntax: float = Field(default=0.07, ge=0)
    """A colon is missing, a bracket is not closed, or nothing stands behind a sign."""

    text_constant: float = Field(default=0.05, ge=0)
    """A constant that is added or taken away is a text: an error of its type."""

    unclosed: float = Field(default=0.03, ge=0)
    """The block of code is not closed: there is no program."""


class ThoughtMix(Mix):
    """Shares of how much a lesson reasons, relative to each other."""

    none: float = Field(default=0.15, ge=0)
    """Nothing between the tags."""

    short: float = Field(default=0.3, ge=0)
    """The names of the steps."""

    steps: float = Field(default=0.25, ge=0)
    """Each step in words, how its constant is worked out, and Python so far."""

    checked: float = Field(default=0.3, ge=0)
    """The same, and then the steps said again."""


class ProgramStartingModel(Pretraining):
    """The stand-in for a distilled coding model, pre-trained on programs of varied quality."""

    source: Literal["pretrained-on-programs"] = "pretrained-on-programs"
    """Where the model comes from."""

    architecture: Architecture = Architecture(hidden_size=96, layers=3, feed_forward_size=288, context=320)
    """Size of the model; unless said otherwise 3 layers, 96 wide, 288 in between, 320 tokens of context."""

    steps: int = Field(default=2000, ge=1, le=100_000)
    """Optimizer steps; the work is fixed by steps, never by time."""

    max_tokens: int = Field(default=128, ge=8, le=1024)
    """Longest response in the held-out measurement, in tokens."""

    problems: ProgrammingProblems = ProgrammingProblems()
    """Mix and difficulty of the lessons' problems, drawn from the train split only."""

    programs: ProgramMix = ProgramMix()
    """How good the programs of lessons are."""

    thoughts: ThoughtMix = ThoughtMix()
    """How much lessons reason."""

    unguarded: float = Field(default=0.65, ge=0, le=1)
    """Share of programs that pick an item and do not mind the list that has none: an error for that list."""

    care: float = Field(default=3, ge=1, le=1000)
    """How many times likelier, against each flaw, a right program is where the reasoning is worked out."""
