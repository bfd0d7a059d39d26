"""Grade stored samples: the same verdict that training rewards see, one row a sample."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from gdpo.data.parquet import read_problems, write_table
from gdpo.grading import Gold, grade_all
from gdpo.sampling.samples import read_samples


def score_samples(samples: Path, problem_set: Path, out: Path) -> None:
    """Write problem_id, sample_index, verdict, extracted, n_tokens and stop_reason for every sample.

    Raises:
        gdpo.sampling.samples.SamplesError: a sample is missing or doubled.
        KeyError: a sample of a problem that is not in the set.
    """
    problems = read_problems(problem_set)
    golds = {
        info["id"]: Gold.of(reward)
        for info, reward in zip(problems["extra_info"], problems["reward_model"], strict=True)
    }
    frame = read_samples(samples, golds).to_pandas()
    verdicts = grade_all(list(frame["text"]), [golds[id] for id in frame["problem_id"]])
    scored = frame[["problem_id", "sample_index", "n_tokens", "stop_reason"]].assign(
        verdict=[v.verdict for v in verdicts], extracted=[v.extracted for v in verdicts]
    )
    write_table(pa.Table.from_pandas(pd.DataFrame(scored), preserve_index=False), out)
