"""Which problems the small world of programs holds: their mix and their difficulty."""

from pydantic import Field

from gdpo.config.base import Mix, Section


class ProgrammingMix(Mix):
    """Shares of the kinds of programming problems, relative to each other."""

    number: float = Field(default=0.2, ge=0)
    """A number is worked on in steps."""

    pair: float = Field(default=0.2, ge=0)
    """Two numbers make one, which is worked on."""

    total: float = Field(default=0.15, ge=0)
    """The sum or the number of a list's items, or of those of one sort."""

    pick: float = Field(default=0.3, ge=0)
    """One item of a list, or another answer where there is none: unguarded, the empty list is an error."""

    each: float = Field(default=0.15, ge=0)
    """A list of the items, each worked on."""


class ProgrammingProblems(Section):
    """Problems such as `f(a): the last of the even items, times half of 6, or 2 if there is none`."""

    mix: ProgrammingMix = ProgrammingMix()
    """Kinds of problems."""

    most_steps: int = Field(default=2, ge=1, le=4)
    """Most steps (`add 3`, `times 2`) of a problem; the fewest are one."""

    largest: int = Field(default=20, ge=3, le=99)
    """Largest constant."""

    worked_out: float = Field(default=0.4, ge=0, le=1)
    """Share of constants that must be worked out: `half of 18`."""

    largest_step: int = Field(default=9, ge=1, le=99)
    """Largest number that `more than` and `less than` add or take away."""
