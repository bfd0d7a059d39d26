"""What a sampling backend is: prompts, a key a sequence and decoding settings in, completions out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

StopReason = Literal["eos", "length"]


@dataclass(frozen=True)
class Decoding:
    """How tokens are drawn.

    Args:
        max_tokens: longest completion, in tokens, the end token included.
        temperature: what the logits are divided by; 0 takes the likeliest token.
        top_p: probability mass of the likeliest tokens to draw from; 1 draws from all.
    """

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; it must be at least 1")
        if self.temperature < 0:
            raise ValueError(f"temperature is {self.temperature}; it must be 0 (greedy) or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it must be more than 0 and at most 1")


@dataclass(frozen=True)
class Completion:
    """One sampled response.

    Args:
        token_ids: the response's tokens, the end token included if there is one.
        stop_reason: `eos` if the model ended by itself, `length` if it was cut off at `max_tokens`.
    """

    token_ids: list[int]
    stop_reason: StopReason


@dataclass(frozen=True)
class Rollout(Completion):
    """A completion with what training asks of its tokens; only backends that training uses give it.

    Args:
        log_probs: a value a token, in nats: its log-probability under the temperature-scaled distribution
            before top-p (at temperature 0: unscaled).
    """

    log_probs: list[float]


class Backend(Protocol):
    """Draws completions. A sequence's key decides its randomness, whatever else is in the batch."""

    name: str

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        keys: Sequence[int],
        decoding: Decoding,
        progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """Return one completion for each prompt (token ids) and key (0 to 2**63 - 1), in their order.

        `progress` is called with the number of sequences that ended since the last call.
        """
        ...
