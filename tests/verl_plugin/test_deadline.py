"""A trainer stops while a step and what it took so far still fits."""

from gdpo.verl_plugin.deadline import UNTIL, Deadline


def stops_after(monkeypatch, until: float | None, durations: list[float]) -> int | None:
    """The first step after which another is too late, of steps with these durations from time 100 on."""
    now = 100.0
    monkeypatch.delenv(UNTIL, raising=False)
    if until is not None:
        monkeypatch.setenv(UNTIL, str(until))
    deadline = Deadline(lambda: now)
    now += 50  # before the first step begins
    deadline.start()
    for step, duration in enumerate(durations, 1):
        now += duration
        if deadline.too_late_for_another():
            return step
    return None


def test_the_longest_step_so_far_must_fit(monkeypatch):
    assert stops_after(monkeypatch, 200, [10] * 20) == 5  # after step 4 it is 190, and 200 is in time
    assert stops_after(monkeypatch, 200, [10, 30, 1, 1]) == 2
    assert stops_after(monkeypatch, 200, [20, 10, 1, 1]) == 3


def test_the_start_is_no_step(monkeypatch):
    assert stops_after(monkeypatch, 170, [5, 5, 5, 5]) == 4


def test_without_a_limit_there_is_always_time(monkeypatch):
    assert stops_after(monkeypatch, None, [1e9] * 3) is None
