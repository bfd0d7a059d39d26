"""Host memory that evaluation's jobs ask for, in MB, from what was measured (docs/memory.md)."""

from pathlib import Path

from gdpo.config.sampling import Sampling

STORED_AT_ONCE = 256
"""Samples in memory at once on their way from the store to the file of samples: a row group of both."""
GRADED_AT_ONCE = 512
"""Samples graded at once: equal answers among them are judged once, and their texts are all in memory."""

_MB = 1e6
_BASE = 1500  # Python, its packages and a grader's workers
_DRAWN = {"vllm": 80, "transformers": 120}
_STORED, _GRADED = 70, 25
_FILE = {".parquet": 25, ".jsonl": 8}
_ROW, _PROBLEMS = 400, 700


def sampling_mem_mb(section: Sampling, loading_mb: int) -> int:
    """Memory of sampling one benchmark, if every response were as long as it may be.

    A chunk's tokens are Python integers until it ends: 58 bytes a token with their texts, from a stand-in
    that only returns them; vLLM's main process took 45 without texts, transformers' backend 112. Putting
    stored samples in order takes 65 bytes a token of those that are in memory at once. Neither grows with
    the benchmark.

    Args:
        section: how samples are drawn.
        loading_mb: memory of loading the model.
    """
    chunk, stored = _DRAWN[section.backend] * section.chunk_size(), _STORED * STORED_AT_ONCE
    return 500 + loading_mb + _mb((chunk + stored) * section.max_tokens)


def scoring_mem_mb(section: Sampling) -> int:
    """Memory of grading stored samples: 21 bytes a token of those graded at once."""
    return _BASE + _mb(_GRADED * GRADED_AT_ONCE * section.max_tokens)


def outputs_mem_mb(generations: Path | str) -> int:
    """Memory of grading another tool's file, whose texts are all in memory.

    JSON lines took 4 to 6 times the file, parquet whose texts are compressed to two thirds 8 to 10 times.

    Raises:
        FileNotFoundError: no such file.
    """
    path = Path(generations)
    return _BASE + _mb(_FILE.get(path.suffix, _FILE[".jsonl"]) * path.stat().st_size)


def scores_mem_mb(files: int, section: Sampling) -> int:
    """Memory of a table or figure of all scored samples: 380 bytes a sample, of 700 problems a benchmark."""
    return _BASE + _mb(_ROW * files * _PROBLEMS * section.n)


def _mb(size: float) -> int:
    return round(size / _MB)
