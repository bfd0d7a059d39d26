"""A tiny model of a real one's architecture under its own tokenizer, which half knows a few problems.

Random weights alone would give responses without an answer and without an end: no reward could vary, and a
study that drops such groups would find none. So it is shown, for seconds, responses to the rehearsal's few
problems: right and wrong ones, short ones and some over the limit.
"""

import json
import logging
import random
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from gdpo.tasks import leaves_reasoning_open

log = logging.getLogger(__name__)

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "moe_intermediate_size": 32,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "max_window_layers": 2,
}
"""What of a configuration is made small, where it has it; vocabulary, context and all else stay."""
STEPS, BATCH, RATE = 300, 16, 5e-3
SEED = 0


Answer = tuple[str, str]
"""What a response says before its reasoning, and after it."""


class Lesson(NamedTuple):
    """A prompt and one response to it, as tokens."""

    prompt: list[int]
    response: list[int]


def small_config(folder: Path) -> Any:
    """A model's configuration with few and narrow layers, in fp32."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    for name, size in SIZES.items():
        if getattr(config, name, None) is not None:
            setattr(config, name, size)
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[: config.num_hidden_layers]
    config.dtype = torch.float32
    return config


def end_tokens(folder: Path, tokenizer: Any) -> list[int]:
    """Ids at which the model's generation ends, by its configuration of generation, else by its own."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    generation = folder / "generation_config.json"
    said = json.loads(generation.read_text()) if generation.exists() else {}
    for ids in (said.get("eos_token_id"), config.eos_token_id, tokenizer.eos_token_id):
        if ids is not None:
            return [ids] if isinstance(ids, int) else list(ids)
    return []


def write_tiny_model(
    skeleton: Path,
    target: Path,
    prompts: Sequence[str],
    answers: Sequence[Answer],
    limit: int,
    longest: int,
) -> None:
    """Write model and tokenizer into a folder.

    Args:
        skeleton: the real model's configuration and tokenizer.
        target: an empty folder.
        prompts: rendered prompts of the rehearsal's problems.
        answers: a right response to each.
        limit: the study's limit of response length in tokens.
        longest: longest response of the rehearsal in tokens.
    """
    tokenizer = AutoTokenizer.from_pretrained(skeleton, trust_remote_code=False)
    ends = end_tokens(skeleton, tokenizer)
    config = small_config(skeleton)
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    lessons = make_lessons(tokenizer, ends[0], prompts, answers, limit, longest)
    loss = teach(model, lessons)
    log.info("stand-in: %d lessons in %d steps, loss %.2f", len(lessons), STEPS, loss)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=pad, do_sample=True)
    model.config.eos_token_id = ends[0] if len(ends) == 1 else ends
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def make_lessons(
    tokenizer: Any, end: int, prompts: Sequence[str], answers: Sequence[Answer], limit: int, longest: int
) -> list[Lesson]:
    """Responses to each prompt: right and wrong, short, and over the limit where one can be.

    Where something must stand before the reasoning, also such that lack it: a reward of form must vary.
    """

    def tokens(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    filler = tokens(" so") * longest
    wrong = [*answers[1:], *answers[:1]]
    lessons = []
    for prompt, right, other in zip(prompts, answers, wrong, strict=True):
        asked, close = tokens(prompt), "\n</think>\n\n" if leaves_reasoning_open(prompt) else ""
        for answer, before in product((right, other), dict.fromkeys([right[0], ""])):
            start, rest = tokens(before), [*tokens(close + answer[1]), end]
            fixed = len(start) + len(rest)
            for length in sorted({fixed + 1, max(fixed + 1, limit + 1)}):
                if length <= longest:
                    lessons.append(Lesson(asked, start + filler[: length - fixed] + rest))
    return lessons


def teach(model: torch.nn.Module, lessons: Sequence[Lesson]) -> float:
    """Train a model in place on the responses of lessons; the mean loss of the last steps in nats a token.

    Only the rows of tokens that occur are trained and told apart one by one. All others keep the model's
    small initial weights, so each adds a logit near 0: together ``log(number of them)``, as one more class.
    """
    if not lessons:
        return float("nan")
    rng = random.Random(SEED)
    seen = torch.tensor(sorted({token for lesson in lessons for token in (*lesson.prompt, *lesson.response)}))
    rest = torch.tensor(float(model.config.vocab_size - len(seen))).log()
    tables = list(dict.fromkeys([model.get_input_embeddings().weight, model.get_output_embeddings().weight]))
    rows = [table.detach()[seen].clone().requires_grad_() for table in tables]  # one, where they are tied
    inner = [parameter for parameter in model.parameters() if all(parameter is not t for t in tables)]
    optimizer = torch.optim.AdamW([*inner, *rows], lr=RATE, betas=(0.9, 0.95), weight_decay=0.0)
    # At full rate to the end, the last steps' chance decides: on another CPU a quarter never ended.
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    losses = []
    model.train()
    for _ in range(STEPS):
        ids, targets = _batch(rng.choices(lessons, k=BATCH), seen)
        taught = targets >= 0
        # Causal: padding, which stands behind, is seen by no token of a lesson.
        hidden = model.get_decoder()(inputs_embeds=rows[0][ids], use_cache=False).last_hidden_state[taught]
        logits = torch.nn.functional.linear(hidden, rows[-1])
        loss = cross_entropy(torch.cat([logits, rest.expand(len(logits), 1)], 1), targets[taught])
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*inner, *rows], 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    with torch.no_grad():
        for table, trained in zip(tables, rows, strict=True):
            table[seen] = trained
    return sum(losses[-10:]) / len(losses[-10:])


def _batch(lessons: Sequence[Lesson], seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets, as places in ``seen``, each of shape (lessons, longest); -100: no target."""
    width = max(len(lesson.prompt) + len(lesson.response) for lesson in lessons)
    ids, targets = torch.zeros(len(lessons), width, dtype=torch.long), torch.full((len(lessons), width), -100)
    for row, (prompt, response) in enumerate(lessons):
        end = len(prompt) + len(response)
        ids[row, :end] = torch.searchsorted(seen, torch.tensor(prompt + response))
        targets[row, len(prompt) - 1 : end - 1] = ids[row, len(prompt) : end]
    return ids, targets
