"""Sample a model's responses to a problem set and store every one of them."""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from gdpo.config.sampling import Sampling
from gdpo.data.problem_files import read_problems
from gdpo.manifest import MANIFEST
from gdpo.model_folder import model_hash
from gdpo.sampling.backend import Backend, Decoding
from gdpo.sampling.samples import SCHEMA, sample_seed, write_samples
from gdpo.sampling.store import SampleStore, engine_version, ordered

log = logging.getLogger(__name__)

_LOG_SECONDS = 10.0


def generate_samples(
    model_dir: Path | str,
    problems: Path | str,
    section: Sampling,
    out: Path | str,
    store: Path | str,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Sample `section.n` responses to each problem and write them atomically to `out`.

    Samples that `store` has are taken from it, new ones are added chunk by chunk: a job that was killed goes
    on, and more samples or problems draw only what is new.

    Args:
        model_dir: Hugging Face folder with weights, tokenizer and chat template.
        problems: a problem set in veRL's parquet layout.
        section: samples a problem, decoding, seed, backend.
        out: the parquet file of samples; see `samples.SCHEMA`.
        store: folder of all that was ever sampled; see `store.SampleStore`.
        progress: called with the samples done and the samples wanted.

    Raises:
        FileNotFoundError: no model folder or no problem set.
        ValueError: no chat template or end token, prompts that leave too little of the context, or a model
            folder whose files are not those of its manifest.
    """
    from transformers import AutoTokenizer

    model_dir = Path(model_dir)
    if not (model_dir / "config.json").is_file():
        raise FileNotFoundError(f"{model_dir}: no model folder (no config.json in it)")
    if (model_dir / MANIFEST).exists():
        model_hash(model_dir)  # an error if it is damaged; a foreign folder has no manifest
    frame = read_problems(problems)
    ids = [info["id"] for info in frame["extra_info"]]
    tokenizer = AutoTokenizer.from_pretrained(model_dir, trust_remote_code=False)
    texts = render_prompts(tokenizer, list(frame["prompt"]), model_dir)
    prompts = tokenizer(texts, add_special_tokens=False)["input_ids"]
    longest = _longest_text(model_dir, ids, prompts, section.max_tokens)
    model = model_sha256(model_dir)
    kept = SampleStore(Path(store), model, section, Path(problems).stem)
    places = kept.find(dict(zip(ids, texts, strict=True)), section.n)
    missing = [(row, i) for row in range(len(ids)) for i in range(section.n) if (ids[row], i) not in places]
    log.info("samples: %d of %d are stored", len(ids) * section.n - len(missing), len(ids) * section.n)
    if missing:
        backend = open_backend(section, model_dir, longest)
        source = _Source(backend, tokenizer, ids, texts, prompts, section, model)
        report = _Progress(len(missing), progress)
        for start in range(0, len(missing), section.chunk_size()):
            chunk = missing[start : start + section.chunk_size()]
            places |= kept.add(source.draw(chunk, report.add))
    wanted = [places[id, index] for id in ids for index in range(section.n)]
    write_samples(ordered(wanted), out, ids, section.n)


class _Source(NamedTuple):
    """All that new samples are made of."""

    backend: Backend
    tokenizer: Any
    ids: list[str]
    texts: list[str]
    prompts: list[list[int]]
    section: Sampling
    model_sha256: str

    def draw(self, chunk: list[tuple[int, int]], progress: Callable[[int], None]) -> pa.Table:
        """New samples, columns ``samples.SCHEMA``, of (row of the problem, sample index)."""
        seeds = [sample_seed(self.section.seed, self.ids[row], index) for row, index in chunk]
        drawn = self.backend.generate(
            [self.prompts[row] for row, _ in chunk], seeds, _decoding(self.section), progress
        )
        columns = {
            "problem_id": [self.ids[row] for row, _ in chunk],
            "sample_index": [index for _, index in chunk],
            "seed": seeds,
            "prompt": [self.texts[row] for row, _ in chunk],
            "text": self.tokenizer.batch_decode([c.token_ids for c in drawn], skip_special_tokens=True),
            "token_ids": [c.token_ids for c in drawn],
            "n_tokens": [len(c.token_ids) for c in drawn],
            "stop_reason": [c.stop_reason for c in drawn],
            "backend": [self.section.backend] * len(chunk),
            "engine_version": [engine_version(self.section.backend)] * len(chunk),
            "model_sha256": [self.model_sha256] * len(chunk),
        }
        return pa.table(columns, schema=SCHEMA)


def open_backend(section: Sampling, model_dir: Path | str, longest: int) -> Backend:
    """Load the model with the backend that the section names, for texts of at most ``longest`` tokens."""
    if section.backend == "vllm":
        from gdpo.sampling.vllm_backend import VllmBackend

        # Else vLLM plans for the longest text that the model can read.
        return VllmBackend(model_dir, section.batch_size, max_model_len=longest, **section.vllm)
    from gdpo.sampling.transformers_backend import TransformersBackend

    return TransformersBackend.from_folder(model_dir, section.batch_size)


def render_prompts(tokenizer, conversations: list[list[dict]], model_dir: Path | str) -> list[str]:
    """Render conversations with the tokenizer's chat template, ready for the assistant's answer.

    Raises:
        ValueError: the tokenizer has no chat template.
    """
    if not tokenizer.chat_template:
        raise ValueError(
            f"{model_dir}: the tokenizer has no chat template; add chat_template.jinja to the folder"
        )
    return [
        tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in conversations
    ]


def model_sha256(model_dir: Path | str) -> str:
    """Return one hash over the names and contents of a folder's safetensors files.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    files = sorted(Path(model_dir).glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{model_dir}: no safetensors files in the model folder")
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            whole.update(f"{file.name}:{hashlib.file_digest(stream, 'sha256').hexdigest()};".encode())
    return whole.hexdigest()


def _longest_text(model_dir: Path, ids: list[str], prompts: list[list[int]], max_tokens: int) -> int:
    """Tokens of the longest prompt with a response of full length, which the model must be able to read."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model_dir, trust_remote_code=False)
    context = config.get_text_config(decoder=True).max_position_embeddings
    longest = max(range(len(ids)), key=lambda row: len(prompts[row]))
    if len(prompts[longest]) + max_tokens > context:
        raise ValueError(
            f"problem {ids[longest]} has a prompt of {len(prompts[longest])} tokens, which with max_tokens "
            f"{max_tokens} exceeds the model's context of {context}; lower sampling.max_tokens"
        )
    return len(prompts[longest]) + max_tokens


def _decoding(section: Sampling) -> Decoding:
    return Decoding(section.max_tokens, section.temperature, section.top_p)


class _Progress:
    """Counts finished samples, tells a caller at once and the log every few seconds."""

    def __init__(self, wanted: int, tell: Callable[[int, int], None] | None):
        self.wanted, self.tell, self.done = wanted, tell, 0
        self.started = self.logged = time.monotonic()

    def add(self, count: int) -> None:
        self.done += count
        if self.tell:
            self.tell(self.done, self.wanted)
        now = time.monotonic()
        if now - self.logged >= _LOG_SECONDS or self.done == self.wanted:
            self.logged = now
            left = (now - self.started) / self.done * (self.wanted - self.done)
            log.info("samples: %d of %d, %.0f s to go", self.done, self.wanted, left)
