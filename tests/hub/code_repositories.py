"""The repositories of programming problems that ``code`` asks for: real layouts, problems of our own."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SOURCES = ("apps", "codecontests", "codeforces", "taco")
EURUS = "PRIME-RL/Eurus-2-RL-Data"
EURUS_COMMIT = "9776b13264b5aaa0b16495fcf086a0a8d86fd655"
TRAINING, VALIDATION = 400, 1024
"""Rows of each ability; the real validation split has as many of programs, training 25,276."""
PRIMES_END = (
    "\n\nWrite Python code to solve the problem. Present the code in \n```python\nYour code\n```\nat the end."
)
_ROW = pa.schema(
    [
        ("data_source", pa.string()),
        ("prompt", pa.list_(pa.struct({"content": pa.string(), "role": pa.string()}))),
        ("ability", pa.string()),
        ("reward_model", pa.struct({"ground_truth": pa.string(), "style": pa.string()})),
        ("extra_info", pa.struct({"index": pa.int64(), "split": pa.string()})),
    ]
)


def write_code(folder: Path, words: Sequence[str]) -> None:
    """PRIME's data with both abilities, and MBPP; ``words`` are what problems are worded of."""
    rng = random.Random(2)
    out = folder / EURUS
    out.mkdir(parents=True)
    held = [_eurus(rng, words, SOURCES[i % 4], "dummy", i) for i in range(VALIDATION)]
    rows = [_eurus(rng, words, SOURCES[i % 4], "train", i) for i in range(TRAINING)]
    rows[5] = held[6] | {"extra_info": {"index": 5, "split": "train"}}  # a benchmark's problem
    for name, programs in (("train", rows), ("validation", held)):
        numbers = [_mathematics(rng, words, i) for i in range(len(programs))]
        table = pa.Table.from_pylist([*numbers, *programs], schema=_ROW)
        pq.write_table(table, out / f"{name}.parquet", row_group_size=300)
    out.with_name(f"{out.name}.commit").write_text(EURUS_COMMIT)
    mbpp = folder / "google-research-datasets/mbpp/full/test-00000-of-00001.parquet"
    mbpp.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([_mbpp(rng, words, i) for i in range(500)]), mbpp)


def _eurus(rng: random.Random, words: Sequence[str], source: str, split: str, index: int) -> dict[str, Any]:
    """A problem of standard input and output, or (every fifth, of APPS and TACO) of a function."""
    story = " ".join(rng.choice(words) for _ in range(rng.randint(12, 40)))
    step, pairs = rng.randint(2, 99), [(n, n + 1) for n in rng.sample(range(10), 3)]
    if index % 5 == 0 and source in ("apps", "taco"):
        asked = f"Of {story}: write a function `grown` that adds {step} to a number and another."
        tests = {
            "inputs": [f"{a}\n{b}" for a, b in pairs],
            "outputs": [f"[{a + b + step}]" for a, b in pairs],
            "fn_name": "grown",
        }
    else:
        asked = (
            f"Of {story}: read two numbers and print their sum and {step} more.\n\n-----Input-----\nA line."
        )
        tests = {
            "inputs": [f"{a} {b}\n" for a, b in (*pairs, pairs[0])],
            "outputs": [f"{a + b + step}\n" for a, b in (*pairs, pairs[0])],
        }
    return {
        "data_source": source,
        "prompt": [
            {"content": "Several actions are at hand: [ASSESS], [OUTPUT].", "role": "system"},
            {"content": asked + PRIMES_END, "role": "user"},
        ],
        "ability": "code",
        "reward_model": {"ground_truth": json.dumps(tests), "style": "rule"},
        "extra_info": {"index": index, "split": split},
    }


def _mathematics(rng: random.Random, words: Sequence[str], index: int) -> dict[str, Any]:
    story, a, b = " ".join(rng.sample(words, 9)), rng.randint(2, 99), rng.randint(2, 99)
    asked = f"Of {story} find {a} + {b}.\n\nPresent the answer in LaTex format: \\boxed{{Your answer}}"
    return {
        "data_source": "numina_olympiads",
        "prompt": [
            {"content": "Several actions are at hand: [ASSESS], [OUTPUT].", "role": "system"},
            {"content": asked, "role": "user"},
        ],
        "ability": "math",
        "reward_model": {"ground_truth": str(a + b), "style": "rule"},
        "extra_info": {"index": index, "split": "train"},
    }


def _mbpp(rng: random.Random, words: Sequence[str], index: int) -> dict[str, Any]:
    name, step = f"{rng.choice(words)}_{index}", rng.randint(2, 99)
    return {
        "task_id": 11 + index,
        "text": f"Write a function of {' '.join(rng.sample(words, 12))} that adds {step} to a number.",
        "code": f"def {name}(n):\r\n  return n + {step}",
        "test_list": [f"assert {name}({n}) == {n + step}" for n in (1, 5, 8)],
        "test_setup_code": "",
        "challenge_test_list": [],
    }
