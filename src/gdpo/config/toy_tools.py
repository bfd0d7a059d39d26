"""Which requests the small world of tools holds: their mix and their difficulty."""

from pydantic import Field

from gdpo.config.base import Mix, Section


class RequestMix(Mix):
    """Shares of the kinds of requests, relative to each other."""

    single: float = Field(default=0.5, ge=0)
    """One call."""

    parallel: float = Field(default=0.3, ge=0)
    """Two calls or more."""

    none: float = Field(default=0.08, ge=0)
    """None of the offered tools fits: a response without a call. Correctness is 0 there, whatever is said."""

    both: float = Field(default=0.12, ge=0)
    """One call, and a response that the request asks for."""


class ToolRequests(Section):
    """Requests to a few tools, such as `set a timer for half of 18 minutes and play jazz for 20 minutes`."""

    mix: RequestMix = RequestMix()
    """Kinds of requests."""

    offered: int = Field(default=3, ge=1, le=7)
    """Tools that are offered with a request, of eight."""

    most_calls: int = Field(default=2, ge=2, le=4)
    """Most calls of a parallel request; the fewest are two."""

    largest: int = Field(default=60, ge=20, le=999)
    """Largest amount and number of minutes; hours end at 23 and people at 12."""

    worked_out: float = Field(default=0.4, ge=0, le=1)
    """Share of numbers and days that must be worked out: `half of 18`, `the day after monday`."""

    largest_step: int = Field(default=9, ge=1, le=99)
    """Largest number that `more than` and `less than` add or take away."""

    renamed: float = Field(default=0.3, ge=0, le=1)
    """Share of tools that are offered under their second name, which only the list of tools tells."""
