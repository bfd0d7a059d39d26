"""Seeds that never move, samples that are whole, and a run from model folder to stored file."""

import re
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from gdpo.config.sampling import Sampling
from gdpo.data.arithmetic import Problem, problem_frame
from gdpo.data.problem_files import write_problems
from gdpo.sampling.generate import generate_samples, model_sha256
from gdpo.sampling.samples import SamplesError, check_complete, read_samples, sample_seed, write_samples
from gdpo.starting_model.tokenizer import make_tokenizer

PROBLEMS = [Problem(f"{i} + {i + 1}", str(2 * i + 1), "sum", "arithmetic") for i in range(6)]
SECTION = Sampling(n=3, temperature=1.0, max_tokens=8)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer(64)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def sampled(model_dir, tmp_path, problems=PROBLEMS, **changes):
    """Samples that were all drawn now: with a store of their own."""
    source, out = tmp_path / "problems.parquet", tmp_path / "samples.parquet"
    write_problems(problem_frame("set", problems, "benchmark"), source)
    generate_samples(model_dir, source, SECTION.model_copy(update=changes), out, tmp_path / uuid4().hex)
    return pa.concat_tables(read_samples(out))


def by_pair(table):
    return {(row["problem_id"], row["sample_index"]): row for row in table.to_pylist()}


def test_every_sample_is_stored_with_what_it_came_from(model_dir, tmp_path):
    rows = by_pair(sampled(model_dir, tmp_path))
    assert set(rows) == {(p.id, i) for p in PROBLEMS for i in range(3)}
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    row = rows[PROBLEMS[2].id, 1]
    assert row["prompt"] == "<|user|>2 + 3<|assistant|>"
    assert row["seed"] == sample_seed(0, PROBLEMS[2].id, 1)
    assert row["text"] == tokenizer.decode(row["token_ids"], skip_special_tokens=True)
    assert row["backend"] == "transformers" and row["model_sha256"] == model_sha256(model_dir)
    for row in rows.values():
        assert row["n_tokens"] == len(row["token_ids"]) <= 8
        assert (row["stop_reason"] == "eos") == (row["token_ids"][-1] == tokenizer.eos_token_id)
    assert len({tuple(row["token_ids"]) for row in rows.values()}) > 12


def test_more_problems_more_samples_and_other_batches_change_no_old_sample(model_dir, tmp_path):
    few = by_pair(sampled(model_dir, tmp_path, problems=PROBLEMS[1:4], batch_size=2))
    many = by_pair(sampled(model_dir, tmp_path, problems=PROBLEMS[::-1], n=5))
    assert len(few) == 9 and few.items() <= many.items()


def test_progress_counts_every_sample(model_dir, tmp_path):
    source, told = tmp_path / "problems.parquet", []
    write_problems(problem_frame("set", PROBLEMS, "benchmark"), source)
    section = SECTION.model_copy(update={"batch_size": 1})
    generate_samples(
        model_dir, source, section, tmp_path / "s", tmp_path / "store", lambda *counts: told.append(counts)
    )
    assert told[-1] == (18, 18) and told == sorted(told) and len(told) > 3


def test_another_base_seed_gives_other_samples(model_dir, tmp_path):
    first, second = by_pair(sampled(model_dir, tmp_path)), by_pair(sampled(model_dir, tmp_path, seed=1))
    assert sum(first[pair]["token_ids"] == second[pair]["token_ids"] for pair in first) < 5


def test_seeds_are_fixed_for_good():
    assert sample_seed(0, "abc", 0) == 0x31270978710D5D08
    seeds = {sample_seed(base, p, i) for base in range(5) for p in ("a", "b") for i in range(50)}
    assert len(seeds) == 500 and max(seeds) < 2**63


def test_missing_doubled_and_unexpected_samples_are_named(model_dir, tmp_path):
    table = sampled(model_dir, tmp_path)
    ids = [p.id for p in PROBLEMS]
    lost = table.filter([i != 4 for i in range(len(table))])
    with pytest.raises(SamplesError, match=re.escape(f"problem {ids[1]}, sample 1 is missing (1 of 18 are)")):
        check_complete(lost, ids, 3, "f")
    doubled = pa.concat_tables([table, table.slice(5, 1)])
    with pytest.raises(SamplesError, match=f"problem {ids[1]}, sample 2 is there twice"):
        check_complete(doubled, ids, 3, "f")
    with pytest.raises(SamplesError, match=f"problem {ids[5]}, sample 0 was not asked for"):
        check_complete(table, ids[:5], 3, "f")
    with pytest.raises(SamplesError, match="f: problem"):
        write_samples([lost], tmp_path / "f", ids, 3)
    assert not (tmp_path / "f").exists()


def test_a_prompt_that_leaves_no_room_is_named(model_dir, tmp_path):
    with pytest.raises(ValueError, match="problem .* prompt of 7 tokens.*context of 64"):
        sampled(model_dir, tmp_path, max_tokens=60)
    with pytest.raises(FileNotFoundError, match="nowhere: no model folder"):
        sampled(tmp_path / "nowhere", tmp_path)


def test_samples_of_before_the_engines_version_are_still_read(model_dir, tmp_path):
    table = sampled(model_dir, tmp_path)
    pq.write_table(table.drop_columns("engine_version"), tmp_path / "old.parquet")
    old = pa.concat_tables(read_samples(tmp_path / "old.parquet"))
    assert set(old["engine_version"].to_pylist()) == {"unknown"} and old["text"] == table["text"]
