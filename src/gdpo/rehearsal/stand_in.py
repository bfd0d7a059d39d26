"""A model of the rehearsal: the tiny one, and what was seen of the real one on the way."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoConfig, AutoTokenizer

from gdpo.config.rehearsal import StandIn
from gdpo.data.datasets import read_dataset
from gdpo.data.problem_files import read_problems
from gdpo.data.problem_sets import prompt_of
from gdpo.model_folder import write_model_folder
from gdpo.plugins import TASKS
from gdpo.rehearsal.skeleton import Skeleton, shape_problems, skeleton, tokenizer_problems
from gdpo.rehearsal.tiny_model import end_tokens, write_tiny_model
from gdpo.sampling.generate import render_prompts
from gdpo.tasks import Gold, Problem, leaves_reasoning_open

log = logging.getLogger(__name__)

_TRAINED_OFTENER = 4
"""Times that a training problem is taught for each of a benchmark's: rewards of the former must vary."""
_AT_ONCE = 2000
"""Prompts that are tokenised at once."""


def make_stand_in(section: StandIn, problems: Path, out: Path) -> dict[str, Any]:
    """Write the tiny model to ``out`` and what was seen of the real one into its manifest; return that.

    Args:
        section: the model, and the real run's lengths.
        problems: folder of the rehearsal's problem sets, with the cleaned datasets below.
        out: the model folder to make.

    Raises:
        ValueError: the real model cannot be had, or has no chat template or end token.
    """
    with skeleton(section.weights) as real:
        tokenizer = AutoTokenizer.from_pretrained(real.folder, trust_remote_code=False)
        few = {name: read_problems(problems / f"{name}.parquet") for name in section.sets}
        facts = _look(section, real, tokenizer, problems, few)
        prompts, answers = [], []
        for name, frame in few.items():
            times = _TRAINED_OFTENER if name == "train" else 1
            right = [right_response(row) for row in frame.to_dict("records")]
            known = frame.assign(right=right).dropna(subset="right")
            prompts += render_prompts(tokenizer, list(known["prompt"]), real.folder) * times
            answers += list(known["right"]) * times

        def fill(folder: Path) -> None:
            write_tiny_model(real.folder, folder, prompts, answers, section.limit, section.longest)

        return write_model_folder(out, fill, {"rehearsal": facts})


def _look(
    section: StandIn, real: Skeleton, tokenizer: Any, problems: Path, few: Mapping[str, Any]
) -> dict[str, Any]:
    """What the page says of the real model.

    Raises:
        ValueError: no chat template or no end token, without which there is no rehearsal either.
    """
    config = AutoConfig.from_pretrained(real.folder, trust_remote_code=False)
    ends = end_tokens(real.folder, tokenizer)
    found = [*real.problems, *shape_problems(config, section.shape)]
    found += tokenizer_problems(tokenizer, ends)
    if not (tokenizer.chat_template and ends):
        raise ValueError("; ".join(found))
    lengths = {
        name: prompt_lengths(tokenizer, _all_prompts(name, whole, problems, few[name]))
        for name, whole in section.sets.items()
    }
    (rendered,) = render_prompts(tokenizer, list(few["train"]["prompt"][:1]), real.folder)
    return {
        "origin": real.origin,
        "weights_gb": real.weights_gb,
        "model_type": config.model_type,
        "context": context_of(config),
        "ends_at": [tokenizer.decode([token]) for token in ends],
        "prompt": rendered,
        "reasoning_open": leaves_reasoning_open(rendered),
        "prompts": {name: summary(tokens, section.max_prompt_length) for name, tokens in lengths.items()},
        "problems": [*found, *length_problems(section, lengths, context_of(config))],
    }


def right_response(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a right response to a problem says before and after its reasoning; None: only its grader knows."""
    gold, task = Gold.of(row["reward_model"]), TASKS.get(row["ability"])
    if task and task.right:
        return task.right(gold) if Problem.of(row).grader == task.grader else None
    answer = ", ".join(gold.answers) if gold.several == "all" else gold.answers[0]
    return "", rf" \boxed{{{answer}}}"


def context_of(config: Any) -> int | None:
    """Longest text that a model reads, in tokens; None where its configuration does not say."""
    return getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)


def _all_prompts(name: str, whole: Any, problems: Path, few: Any) -> Iterator[list[dict[str, str]]]:
    """Every prompt of the real set, doubles and what decontamination removes included."""
    if whole is None:
        yield from few["prompt"]
        return
    for dataset in whole.datasets:
        for row in read_dataset(problems / "datasets" / f"{dataset}.parquet").to_dict("records"):
            yield prompt_of(whole, row)


def prompt_lengths(tokenizer: Any, conversations: Iterator[list[dict[str, str]]]) -> np.ndarray:
    """Tokens of each rendered prompt, shape (prompts,)."""
    conversations = list(conversations)
    lengths: list[int] = []
    for start in range(0, len(conversations), _AT_ONCE):
        texts = render_prompts(tokenizer, conversations[start : start + _AT_ONCE], "the tokenizer")
        lengths += map(len, tokenizer(texts, add_special_tokens=False)["input_ids"])
    return np.array(lengths)


def summary(lengths: np.ndarray, limit: int) -> dict[str, int]:
    """Number of prompts, median and longest in tokens, and how many exceed ``limit``."""
    return {
        "prompts": len(lengths),
        "median": int(np.median(lengths)),
        "longest": int(lengths.max()),
        "over": int((lengths > limit).sum()),
    }


def length_problems(section: StandIn, lengths: Mapping[str, np.ndarray], context: int | None) -> list[str]:
    """Where prompts and responses of the real run do not fit."""
    found = []
    longest_prompt = section.max_prompt_length
    if context is not None and longest_prompt + section.max_response_length > context:
        found.append(
            f"a prompt of {longest_prompt} and a response of {section.max_response_length} tokens exceed the "
            f"model's context of {context}: lower training.max_response_length"
        )
    for name, of_a_set in lengths.items():
        if name == "train":
            if (of_a_set > longest_prompt).all():
                found.append(
                    f"every training prompt is longer than training.max_prompt_length ({longest_prompt})"
                )
        elif context is not None and of_a_set.max() + section.max_tokens > context:
            found.append(
                f"benchmark {name}: a prompt of {of_a_set.max()} tokens and evaluation.sampling.max_tokens "
                f"({section.max_tokens}) exceed the model's context of {context}"
            )
    return found
