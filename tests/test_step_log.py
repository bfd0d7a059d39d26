"""The steps of a run from its segments: interrupted, gone on, and read from the end."""

import json

import pytest

from gdpo.step_log import TAIL_BYTES, all_steps, newest_step, newest_steps, segment_path, start_segment


def write(folder, from_step: int, steps, size: int = 10, tail: str = "") -> None:
    path = segment_path(folder, from_step)
    path.parent.mkdir(exist_ok=True)
    lines = [json.dumps({"step": s, "data": {"from": from_step, "pad": "x" * size}}) + "\n" for s in steps]
    path.write_text("".join(lines) + tail)


def test_a_step_that_is_trained_again_counts_once(tmp_path):
    write(tmp_path, 0, range(1, 6))  # the newest checkpoint was step 3
    write(tmp_path, 3, [])
    assert newest_step(tmp_path) == 3
    write(tmp_path, 3, [4])
    assert [(row["step"], row["from"]) for row in newest_steps(tmp_path, 3)] == [(4, 3), (3, 0), (2, 0)]
    write(tmp_path, 3, [4, 5, 6])
    assert [(row["step"], row["from"]) for row in all_steps(tmp_path)] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 3),
        (5, 3),
        (6, 3),
    ]


def test_a_segment_that_is_being_made_is_none(tmp_path):
    write(tmp_path, 0, [1])
    (tmp_path / "metrics" / ".00000003.77.partial.jsonl").write_text("")  # left by a kill, for ever
    assert newest_step(tmp_path) == 1 == len(all_steps(tmp_path))


def test_a_torn_line_is_left_out(tmp_path):
    write(tmp_path, 0, [1, 2], tail='{"step": 3, "da')
    write(tmp_path, 2, [3])
    assert [row["step"] for row in all_steps(tmp_path)] == [1, 2, 3]


def test_a_new_session_forgets_what_came_after_its_checkpoint(tmp_path):
    """The newest checkpoint was damaged: steps 3 to 6 are trained again, from step 2."""
    write(tmp_path, 0, [1, 2, 3, 4])
    write(tmp_path, 4, [5, 6])
    start_segment(tmp_path, 2)
    assert newest_step(tmp_path) == 2
    write(tmp_path, 2, [3])
    assert [(row["step"], row["from"]) for row in newest_steps(tmp_path, 5)] == [(3, 2), (2, 0), (1, 0)]


def test_nothing_was_recorded(tmp_path):
    assert newest_step(tmp_path) == 0 and newest_steps(tmp_path, 3) == []


@pytest.mark.parametrize("size", [10, 5_000])
def test_the_end_of_a_long_file_that_is_being_written(tmp_path, size):
    write(tmp_path, 0, range(1, 400), size, tail='{"step": 400, "da')
    assert (segment_path(tmp_path, 0).stat().st_size > TAIL_BYTES) == (size > 10)
    assert [row["step"] for row in newest_steps(tmp_path, 5)] == [399, 398, 397, 396, 395]
