"""The store of samples: only what is new is drawn, and nothing damaged or foreign is taken."""

import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest

from gdpo.config.sampling import Sampling
from gdpo.data.problem_files import read_problems, write_problems
from gdpo.sampling.generate import generate_samples
from gdpo.sampling.samples import read_samples

SECTION = Sampling(n=2, max_tokens=24, top_p=0.9, batch_size=8)


class Drawn:
    """Samples a problem set from a store; ``new`` counts what was drawn now."""

    def __init__(self, toy, folder, store="store", problems=None, model=None, **changes):
        source, out = folder / "set.parquet", folder / "samples.parquet"
        frame = read_problems(toy / "validation.parquet")
        write_problems(frame if problems is None else frame.head(problems), source)
        told = [(0, 0)]
        section = SECTION.model_copy(update=changes)
        generate_samples(
            model or toy / "model", source, section, out, folder / store, lambda *c: told.append(c)
        )
        self.new = told[-1][0]
        rows = pa.concat_tables(read_samples(out)).to_pylist()
        self.rows = {(row["problem_id"], row["sample_index"]): row for row in rows}


def test_more_samples_draw_only_the_new_ones(toy, tmp_path):
    first = Drawn(toy, tmp_path)
    again = Drawn(toy, tmp_path)
    more = Drawn(toy, tmp_path, n=4)
    fewer = Drawn(toy, tmp_path, n=1)
    assert (first.new, again.new, more.new, fewer.new) == (16, 0, 16, 0)
    assert again.rows == first.rows and first.rows.items() <= more.rows.items()
    fresh = Drawn(toy, tmp_path, store="other", n=4)
    assert fresh.new == 32 and fresh.rows == more.rows, "drawn at once or in two steps: the same samples"


def test_more_problems_draw_only_the_new_ones(toy, tmp_path):
    few = Drawn(toy, tmp_path, problems=3)
    many = Drawn(toy, tmp_path)
    assert (few.new, many.new) == (6, 10) and few.rows.items() <= many.rows.items()


@pytest.mark.parametrize("change", [{"temperature": 0.9}, {"top_p": 0.8}, {"seed": 1}, {"max_tokens": 20}])
def test_other_decoding_takes_nothing(toy, tmp_path, change):
    Drawn(toy, tmp_path)
    assert Drawn(toy, tmp_path, **change).new == 16
    assert Drawn(toy, tmp_path, batch_size=3).new == 0


def test_another_model_takes_nothing(toy, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    Drawn(toy, tmp_path)
    shutil.copytree(toy / "model", tmp_path / "other")
    weights = load_file(tmp_path / "other" / "model.safetensors")
    name = next(iter(weights))
    save_file(
        weights | {name: weights[name] + 1e-3}, tmp_path / "other" / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(ValueError, match="model.safetensors is damaged"):
        Drawn(toy, tmp_path, model=tmp_path / "other")
    (tmp_path / "other" / "manifest.json").unlink()  # a model of somebody else
    assert Drawn(toy, tmp_path, model=tmp_path / "other").new == 16


def test_another_prompt_of_the_same_problem_takes_nothing(toy, tmp_path):
    Drawn(toy, tmp_path)
    frame = read_problems(toy / "validation.parquet")
    for prompt in frame["prompt"]:
        prompt[0]["content"] += " "
    write_problems(frame, tmp_path / "set.parquet")
    told = []
    generate_samples(
        toy / "model",
        tmp_path / "set.parquet",
        SECTION,
        tmp_path / "o",
        tmp_path / "store",
        lambda *c: told.append(c),
    )
    assert told[-1] == (16, 16)


def test_a_damaged_shard_is_said_and_drawn_again(toy, tmp_path, caplog):
    whole = Drawn(toy, tmp_path, n=4)
    Drawn(toy, tmp_path)
    shards = list((tmp_path / "store").rglob("*.parquet"))
    shards[0].write_bytes(shards[0].read_bytes()[:100])
    again = Drawn(toy, tmp_path, n=4)
    assert again.new > 0 and again.rows == whole.rows
    assert f"{shards[0]}: a damaged shard" in caplog.text


@pytest.mark.slow
def test_a_killed_job_goes_on_and_ends_the_same(toy, tmp_path):
    Drawn(toy, tmp_path, store="undisturbed", n=64, batch_size=8)
    expected = (tmp_path / "samples.parquet").read_bytes()
    (tmp_path / "samples.parquet").unlink()
    (tmp_path / "sampling.json").write_text(SECTION.model_copy(update={"n": 64}).model_dump_json())
    command = [sys.executable, "-m", "gdpo.cli", "sample", toy / "model", tmp_path / "set.parquet"]
    command += [tmp_path / "sampling.json", tmp_path / "samples.parquet", "--store", tmp_path / "killed"]
    job = subprocess.Popen(
        list(map(str, command)), stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").rglob("[!.]*.parquet")):
        assert time.monotonic() < deadline and job.poll() is None
        time.sleep(0.005)
    job.send_signal(signal.SIGKILL)
    job.communicate()
    assert not (tmp_path / "samples.parquet").exists()
    resumed = Drawn(toy, tmp_path, store="killed", n=64, batch_size=8)
    assert 0 < resumed.new < 512
    assert (tmp_path / "samples.parquet").read_bytes() == expected
