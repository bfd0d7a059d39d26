"""A job that comes no further is not started for ever."""

import pytest

from gdpo.cluster.continuation import MOST_STARTS, NoProgress, check_progress, go_on_later
from gdpo.cluster.job import Job


def test_a_job_that_is_requeued_at_the_same_step_ends(tmp_path):
    for restarts in range(MOST_STARTS - 1):
        check_progress(tmp_path, Job("7", None, restarts), 40)
    with pytest.raises(NoProgress, match="job 7 was started 4 times at step 40 and came no further"):
        check_progress(tmp_path, Job("7", None, MOST_STARTS - 1), 40)


def test_progress_and_a_new_submission_begin_to_count_anew(tmp_path):
    for restarts, step in enumerate([40, 40, 40, 50, 50, 50, 60]):
        check_progress(tmp_path, Job("7", None, restarts), step)
    for job in ("8", "9", "10", "11", "12"):
        check_progress(tmp_path, Job(job, None, 0), 60)


def test_a_job_whose_time_was_too_short_for_a_checkpoint_is_not_requeued():
    with pytest.raises(
        NoProgress, match="one step and its checkpoint must fit into a job; raise the time limit"
    ):
        go_on_later(Job("7", 0.0, 0), before=40, now=40)
