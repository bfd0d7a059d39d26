"""Pre-train a small model on a curriculum's lessons and write it as a Hugging Face folder with a manifest."""

import itertools
import logging
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from gdpo.config.program_starting_model import ProgramStartingModel
from gdpo.config.starting_model import Pretraining, StartingModel
from gdpo.config.tool_starting_model import ToolStartingModel
from gdpo.model_folder import check_replaceable, write_model_folder
from gdpo.starting_model.arithmetic import Arithmetic
from gdpo.starting_model.curriculum import Curriculum, Lesson
from gdpo.starting_model.programs import Programs
from gdpo.starting_model.tool_calls import ToolCalls

log = logging.getLogger(__name__)

AnyStartingModel = StartingModel | ToolStartingModel | ProgramStartingModel

_IGNORED = -100  # the label that transformers' loss leaves out
_BUCKET_BATCHES = 64


def make_starting_model(section: AnyStartingModel, out_dir: Path | str) -> dict:
    """Make the tokenizer, train the model, measure it and write the folder; return the manifest.

    The folder holds fp32 safetensors, tokenizer, generation config and `manifest.json` (sha256 of each file,
    parameters, training, held-out answers and lengths by temperature). It appears whole or not at all, and
    replaces an older one. The same section gives the same weights on the same machine and torch.

    Raises:
        ValueError: `out_dir` is a file, or a non-empty folder that holds no model of ours.
    """
    out_dir = Path(out_dir)
    check_replaceable(out_dir)
    torch.set_num_threads(section.threads)
    curriculum = curriculum_of(section)
    model = make_model(section, curriculum.tokenizer)
    training = train(model, curriculum, section)
    held_out = curriculum.held_out(model)
    facts = {
        "parameters": model.num_parameters(),
        "section": section.model_dump(mode="json"),
        "training": training,
        "held_out": held_out,
    }

    def fill(folder: Path) -> None:
        model.save_pretrained(folder)
        curriculum.tokenizer.save_pretrained(folder)

    return write_model_folder(out_dir, fill, facts)


def curriculum_of(section: AnyStartingModel) -> Curriculum:
    """What a model of this section is trained on."""
    if isinstance(section, ProgramStartingModel):
        return Programs(section)
    return ToolCalls(section) if isinstance(section, ToolStartingModel) else Arithmetic(section)


def make_model(section: Pretraining, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return an untrained model with seeded weights, in fp32."""
    size = section.architecture
    torch.manual_seed(section.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden_size,
        intermediate_size=size.feed_forward_size,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_value_heads,
        max_position_embeddings=size.context,
        rope_parameters={"rope_type": "default", "rope_theta": size.rope_base},
        initializer_range=size.initial_spread,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=True
    )
    return model


def train(model: LlamaForCausalLM, curriculum: Curriculum, section: Pretraining) -> dict:
    """Train in place for `section.steps` steps on the responses of the lessons.

    Returns:
        steps, tokens seen, first and last loss (nats a response token, mean of up to 20 steps), CPU seconds.
    """
    started, cpu_started = time.monotonic(), time.process_time()
    optimizer = torch.optim.AdamW(model.parameters(), lr=section.learning_rate, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, section))
    losses: list[float] = []
    tokens = 0
    model.train()
    for step, batch in enumerate(itertools.islice(batches(curriculum, section), section.steps), 1):
        loss = model(**batch, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        tokens += int(batch["attention_mask"].sum())
        if step % 100 == 0 or step == section.steps:
            _log_progress(step, section.steps, losses, tokens, time.monotonic() - started)
    return {
        "steps": section.steps,
        "tokens": tokens,
        "first_loss": _mean(losses[:20]),
        "last_loss": _mean(losses[-20:]),
        "cpu_seconds": round(time.process_time() - cpu_started, 1),
    }


def batches(curriculum: Curriculum, section: Pretraining) -> Iterator[dict[str, torch.Tensor]]:
    """Yield batches of lessons without end: `input_ids`, `attention_mask`, `labels`, each (batch, length).

    Lessons of a batch are of similar length.
    """
    rng = random.Random(section.seed)
    while True:
        lessons = curriculum.draw(_BUCKET_BATCHES * section.batch_size, rng)
        lessons.sort(key=len)
        groups = [lessons[i : i + section.batch_size] for i in range(0, len(lessons), section.batch_size)]
        rng.shuffle(groups)
        yield from (_collate(group, curriculum.tokenizer.pad_token_id) for group in groups)


def _collate(lessons: list[Lesson], pad: int) -> dict[str, torch.Tensor]:
    width = max(map(len, lessons))
    ids = torch.full((len(lessons), width), pad)
    labels = torch.full((len(lessons), width), _IGNORED)
    for row, lesson in enumerate(lessons):
        ids[row, : len(lesson)] = torch.tensor(lesson.prompt + lesson.response)
        labels[row, len(lesson.prompt) : len(lesson)] = torch.tensor(lesson.response)
    # By length, not by token: a pad token inside a lesson would otherwise be hidden.
    mask = torch.arange(width) < torch.tensor([len(lesson) for lesson in lessons])[:, None]
    return {"input_ids": ids, "attention_mask": mask.long(), "labels": labels}


def _rate(step: int, section: Pretraining) -> float:
    if step < section.warmup_steps:
        return (step + 1) / section.warmup_steps
    done = (step - section.warmup_steps) / max(1, section.steps - section.warmup_steps)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * min(1.0, done))) / 2


def _log_progress(step: int, steps: int, losses: list[float], tokens: int, elapsed: float) -> None:
    log.info(
        "starting model: step %d of %d, loss %.3f, %.0f tokens/s, %.0f s to go",
        step,
        steps,
        _mean(losses[-100:]),
        tokens / elapsed,
        elapsed / step * (steps - step),
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
