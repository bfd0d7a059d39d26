"""What a model is pre-trained on: a tokenizer, lessons without end, and how the model is measured."""

from dataclasses import dataclass
from random import Random
from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Lesson:
    """A prompt and a response to it, as token ids."""

    prompt: list[int]
    response: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


class Curriculum(Protocol):
    """One world's lessons. Everything random comes from the section's seed, or from `rng`."""

    tokenizer: PreTrainedTokenizerFast

    def draw(self, count: int, rng: Random) -> list[Lesson]:
        """Lessons of the train split."""

    def held_out(self, model: PreTrainedModel) -> dict:
        """What the model does with problems of the benchmark split, by temperature."""


def prompt_ids(tokenizer: PreTrainedTokenizerFast, **contents: str) -> list[int]:
    """Token ids of a prompt of one message a role, the assistant's opening included."""
    messages = [{"role": role, "content": content} for role, content in contents.items()]
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)


def make_lessons(
    tokenizer: PreTrainedTokenizerFast, prompts: list[list[int]], responses: list[str]
) -> list[Lesson]:
    """Lessons of prompts and the responses to them, which get their end token."""
    encoded = tokenizer(responses)["input_ids"]
    return [
        Lesson(prompt, ids + [tokenizer.eos_token_id]) for prompt, ids in zip(prompts, encoded, strict=True)
    ]
