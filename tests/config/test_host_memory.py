"""Host memory of evaluation's jobs: the paper's benchmarks fit, whatever their number of problems."""

import pytest

from gdpo.config.host_memory import outputs_mem_mb, sampling_mem_mb, scores_mem_mb, scoring_mem_mb
from gdpo.config.sampling import Sampling

PAPER = Sampling(backend="vllm")


def test_a_chunk_is_whole_problems_of_several_batches():
    assert PAPER.chunk_size() == 2048
    assert Sampling(n=5, batch_size=2).chunk_size() == 15
    assert Sampling(n=40, batch_size=1).chunk_size() == 40


def test_a_chunk_of_the_longest_responses_fits():
    # 2,048 responses of 32,768 tokens, each a Python integer in a list: 36 bytes.
    integers = 36 * 2048 * 32768 / 1e6
    assert sampling_mem_mb(PAPER, 15_000) > 15_000 + integers > 17_000
    half = PAPER.model_copy(update={"max_tokens": 16384})
    assert sampling_mem_mb(PAPER, 0) - sampling_mem_mb(half, 0) > integers / 2


def test_small_experiments_ask_for_little():
    toy = Sampling(n=4, max_tokens=64)
    assert sampling_mem_mb(toy, 1500) < 2100 and scoring_mem_mb(toy) < 1600 and scores_mem_mb(8, toy) < 1600


@pytest.mark.parametrize(("name", "times"), [("g.jsonl", 6), ("g.parquet", 10)])
def test_another_tool_s_file_is_counted_with_its_copies(tmp_path, name, times):
    (tmp_path / name).write_bytes(bytes(10_000_000))
    assert outputs_mem_mb(tmp_path / name) > 500 + times * 10
