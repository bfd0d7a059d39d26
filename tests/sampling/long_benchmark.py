"""A benchmark of long responses from a stand-in for the model, and what memory it takes.

``python tests/sampling/long_benchmark.py FOLDER SAMPLES TOKENS`` draws, takes from the store and grades
problems with 16 samples each, first a quarter of SAMPLES, then as many, and prints in MB, one line a step,
the process's peak before the larger part and after each of its steps.
"""

import re
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np

from gdpo.config.sampling import Sampling
from gdpo.data.arithmetic import Problem, problem_frame
from gdpo.data.problem_files import write_problems
from gdpo.sampling import generate
from gdpo.sampling.backend import Completion
from gdpo.sampling.score import score_samples

VOCABULARY = 150_000
EACH = 16
FORMULA = " \\frac{1}{2} + x^2 = y, so that"


class Backend:
    """Random tokens that follow from the key; every third response is cut off."""

    def __init__(self, tokens: int):
        self.tokens = tokens

    def generate(self, prompts, keys, decoding, progress=None):
        progress(len(keys))
        return [self._completion(key) for key in keys]

    def _completion(self, key):
        ids = np.random.default_rng(key).integers(0, VOCABULARY, self.tokens).tolist()
        return Completion(ids, "eos" if key % 3 else "length")


class Tokenizer:
    """Texts of 3.5 bytes a token, with an answer."""

    chat_template = "set"

    def __call__(self, texts, **options):
        return {"input_ids": [[1] for _ in texts]}

    def apply_chat_template(self, conversation, **options):
        return conversation[0]["content"] + "<think>\n"

    def batch_decode(self, responses, **options):
        return [self._text(ids) for ids in responses]

    def _text(self, ids):
        reasoning = FORMULA * (len(ids) * 7 // 2 // len(FORMULA))
        return f"{ids[0]}{reasoning}</think>\\boxed{{{ids[0] % 9}}}"


def write_benchmark(folder: Path, problems: list[Problem]) -> Path:
    """A folder that stands for a model, and the problem set beside it; returns the latter."""
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "config.json").write_text("{}")
    write_problems(problem_frame("set", problems, "benchmark"), folder / "set.parquet")
    return folder / "set.parquet"


def draw(folder: Path, section: Sampling, tokens: int, progress=None) -> Path:
    """Sample the folder's benchmark with the stand-ins; returns the file of samples."""
    out = folder / "samples.parquet"
    with (
        patch("transformers.AutoTokenizer.from_pretrained", lambda *_, **__: Tokenizer()),
        patch.object(generate, "open_backend", lambda *_: Backend(tokens)),
        patch.object(generate, "_longest_text", lambda *_: None),
        patch.object(generate, "model_sha256", lambda _: "0" * 64),
    ):
        generate.generate_samples(
            folder / "model", folder / "set.parquet", section, out, folder / "store", progress
        )
    return out


def steps(folder: Path, samples: int, tokens: int, batch_size: int):
    """Yield each step's name when it is done."""
    problems = [Problem(f"{i} + 1", str(i + 1), "sum", "arithmetic") for i in range(samples // EACH)]
    source = write_benchmark(folder, problems)
    section = Sampling(n=EACH, batch_size=batch_size)
    for name in ("drawn", "taken from the store"):
        out = draw(folder, section, tokens)
        yield name
    score_samples(out, source, folder / "scores.parquet")
    yield "graded"


def peak_mb() -> float:
    """Most memory that this program had so far (``ru_maxrss`` begins with that of what started it)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)[1]) / 1024


def main(folder: str, samples: str, tokens: str, batch_size: str = "256") -> None:
    """Measure."""
    count, length, batch = int(samples), int(tokens), int(batch_size)
    list(steps(Path(folder, "small"), count // 4, length, batch))
    print(f"before\t{peak_mb():.0f}")
    for name in steps(Path(folder, "large"), count, length, batch):
        print(f"{name}\t{peak_mb():.0f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
