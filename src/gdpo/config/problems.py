"""Which problems a named set holds: task families, their mix and difficulty, size, seed and split."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gdpo.config.base import Section

Split = Literal["train", "benchmark"]


class ChainSum(Section):
    """Additions and subtractions from left to right, such as `12 + 30 - 4`."""

    task: Literal["chain_sum"] = "chain_sum"
    """The reasoning-gym task."""

    weight: float = Field(default=1.0, gt=0)
    """Share of the set, relative to the other families' weights."""

    min_terms: int = Field(default=2, ge=2, le=8)
    """Fewest numbers in a problem."""

    max_terms: int = Field(default=2, ge=2, le=8)
    """Most numbers in a problem."""

    min_digits: int = Field(default=1, ge=1, le=6)
    """Fewest digits of each number of a problem."""

    max_digits: int = Field(default=1, ge=1, le=6)
    """Most digits of each number of a problem."""

    @model_validator(mode="after")
    def _ordered(self) -> "ChainSum":
        _check_order(self, "terms", "digits")
        return self


class SimpleEquations(Section):
    """Linear equations in x, such as `x + 7 = 15` or `3*x - 4 = 11`; the solution is an integer."""

    task: Literal["simple_equations"] = "simple_equations"
    """The reasoning-gym task."""

    weight: float = Field(default=1.0, gt=0)
    """Share of the set, relative to the other families' weights."""

    coefficient: bool = False
    """Whether x is multiplied by a number (`3*x`) or stands alone."""

    min_value: int = Field(default=1, ge=1, le=999)
    """Smallest constant, coefficient and solution."""

    max_value: int = Field(default=20, ge=1, le=999)
    """Largest constant, coefficient and solution."""

    @model_validator(mode="after")
    def _ordered(self) -> "SimpleEquations":
        _check_order(self, "value")
        return self


def _check_order(section: Section, *names: str) -> None:
    for name in names:
        low, high = getattr(section, f"min_{name}"), getattr(section, f"max_{name}")
        if low > high:
            raise ValueError(f"min_{name} is {low} and max_{name} is {high}: the minimum exceeds the maximum")


Family = Annotated[ChainSum | SimpleEquations, Field(discriminator="task")]

TRAINING_FAMILIES: dict[str, Family] = {
    "sum-2x1": ChainSum(weight=0.05, min_terms=2, max_terms=2),
    "sum-3x1": ChainSum(weight=0.40, min_terms=3, max_terms=3),
    "sum-4x1": ChainSum(weight=0.25, min_terms=4, max_terms=4),
    "sum-2x2": ChainSum(weight=0.10, min_terms=2, max_terms=2, min_digits=2, max_digits=2),
    "equation": SimpleEquations(weight=0.20, max_value=15),
}


class ArithmeticProblems(Section):
    """A named set of arithmetic and algebra problems made by reasoning-gym."""

    source: Literal["arithmetic"] = "arithmetic"
    """Where the problems come from."""

    split: Split = "train"
    """The half of the problem space to draw from: no problem of one split can be in the other."""

    size: int = Field(default=2000, ge=1, le=1_000_000)
    """Number of problems, all different."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the draw."""

    families: dict[str, Family] = Field(default=TRAINING_FAMILIES, min_length=1)
    """Task mix and difficulty: a name for each family, kept with every problem."""
