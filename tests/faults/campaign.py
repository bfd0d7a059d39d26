"""Break trainings in every way that a cluster does, start them again, and compare the results.

    python tests/faults/campaign.py [--fault NAME ...] [--out TABLE.md]      (make faults)
    python tests/faults/campaign.py --short                                  (part of make test)

Needs nothing but this machine; faults of a file system need root, and are reported as not tried without it.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))

from pipeline import PIPELINE_FAULTS, Pipelines
from training import DRIVER, EVERY, SERVER, STEPS, WORKER, Outcome, Result, Training, result, small_disk

from gdpo.checkpoints import newest_step, step_folder
from gdpo.manifest import MANIFEST
from gdpo.whole_file import write_text


class Lab:
    """Where trials run, and the undisturbed result."""

    def __init__(self, folder: Path, toy: Path, seed: int = 0):
        self.folder, self.toy, self.rng = folder, toy, random.Random(seed)
        self._reference: Result | None = None
        self._trials = 0

    def training(self) -> Training:
        """A fresh training in a folder of its own."""
        self._trials += 1
        return Training(self.folder / f"trial-{self._trials}", self.toy)

    @property
    def reference(self) -> Result:
        """The undisturbed result, made at the first call."""
        if self._reference is None:
            undisturbed = Training(self.folder / "undisturbed", self.toy)
            assert undisturbed.run() == 0, undisturbed.said
            self._reference = result(undisturbed)
        return self._reference

    def finish(self, training: Training, sentence: str = "", together: bool = False) -> Outcome:
        """Start a broken training again and compare its end.

        Args:
            training: it has ended, whole or not.
            sentence: what must be said on the terminal in the second session.
            together: all processes were killed at once, so that only the next session can clean up.
        """
        left = [] if together else training.left_behind()
        recorded, saved = training.recorded(), newest_step(training.checkpoints)
        before = len(training.said)
        code = training.run()
        left += training.left_behind()
        said = sentence in training.said[before:]
        recovered = code == 0 and said
        equal = result(training) == self.reference if code == 0 else False
        note = "" if said else f"not said: {sentence!r}"
        return Outcome(recovered, equal, f"{max(0, recorded - saved)} steps", left, note)

    def until_saved(self, training: Training, checkpoints: int) -> None:
        """Start a training and kill all of it once it has so many checkpoints."""
        training.start()
        assert training.wait_for(lambda: newest_step(training.checkpoints) >= EVERY * checkpoints), (
            training.said
        )
        training.kill(None)
        training.end()


Fault = Callable[[Lab], Outcome]


# ---- kills ---------------------------------------------------------------------------------------------


def _killed(name: str | None) -> Fault:
    def trial(lab: Lab) -> Outcome:
        training = lab.training()
        while not _killed_after(training, name, step := lab.rng.randrange(STEPS), lab.rng):
            training = lab.training()  # it came too late: a step takes some 0.2 s
        outcome = lab.finish(training, together=name is None)
        return outcome._replace(note=outcome.note or f"after step {step}")

    return trial


def _killed_after(training: Training, name: str | None, step: int, rng: random.Random) -> bool:
    """Whether a kill at a random moment after a step ended the training; step 0: while it starts."""
    training.start()
    if step:
        training.wait_for(lambda: training.recorded() >= step)
    else:
        training.wait_for(lambda: len(training.processes()) > 2)
    time.sleep(rng.uniform(0, 0.3 if step else 12))
    training.kill(name)
    return training.end() != 0


def _killed_while_saving(lab: Lab) -> Outcome:
    training = lab.training()
    while not _killed_inside(training, EVERY * lab.rng.randrange(STEPS // EVERY), lab.rng.uniform(0, 0.03)):
        training = lab.training()  # it came too late: a write takes some 50 ms
    return lab.finish(training, together=True)


def _killed_inside(training: Training, saved: int, delay: float) -> bool:
    """Whether a kill of everything met the write of the checkpoint after step ``saved``."""
    training.start()
    training.wait_for(lambda: newest_step(training.checkpoints) >= saved)
    training.wait_for(training.saving)
    time.sleep(delay)
    training.kill(None)
    training.end()
    return training.saving()


def _stopped(signum: int) -> Fault:
    def trial(lab: Lab) -> Outcome:
        training = lab.training()
        training.start()
        training.wait_for(lambda: training.recorded() >= lab.rng.randrange(1, STEPS - 1))
        training.process.send_signal(signum)
        training.end()
        return lab.finish(training)

    return trial


# ---- damage --------------------------------------------------------------------------------------------


def _cut(checkpoint: Path) -> None:
    path = max(checkpoint.glob("actor/optim*.pt"))
    os.truncate(path, path.stat().st_size // 2)


def _missing(checkpoint: Path) -> None:
    max(checkpoint.glob("actor/model*.pt")).unlink()


def _flipped(checkpoint: Path) -> None:
    path = max(checkpoint.glob("actor/model*.pt"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _no_manifest_end(checkpoint: Path) -> None:
    os.truncate(checkpoint / MANIFEST, 100)


def _damaged(spoil: Callable[[Path], None]) -> Fault:
    def trial(lab: Lab) -> Outcome:
        training = lab.training()
        lab.until_saved(training, 2)
        spoil(step_folder(training.checkpoints, newest_step(training.checkpoints)))
        return lab.finish(training, sentence="is damaged (", together=True)

    return trial


def _all_damaged(lab: Lab) -> Outcome:
    training = lab.training()
    lab.until_saved(training, 2)
    folders = list(training.checkpoints.glob("global_step_*"))
    for folder in folders:
        _flipped(folder)
    code = training.run()
    kept = all(folder.is_dir() for folder in folders)
    said = "no checkpoint is whole" in training.said and "Traceback" not in training.said
    return Outcome(code != 0 and said and kept, None, "nothing removed", training.left_behind())


# ---- file systems --------------------------------------------------------------------------------------


def _disk_full(lab: Lab) -> Outcome:
    training = lab.training()
    with small_disk(training.folder / "checkpoints", 15_000) as remount:
        code = training.run()
        said = "No space left on device" in training.said
        remount("size=200m")
        outcome = lab.finish(training)
    note = "" if code and said else f"exit code {code}; No space left said: {said}"
    return outcome._replace(recovered=outcome.recovered and not note, note=note)


def _read_only(lab: Lab) -> Outcome:
    training = lab.training()
    lab.until_saved(training, 1)
    with small_disk(training.folder / "checkpoints", 200_000) as remount:
        remount("ro")
        code = training.run()
        said = "Read-only file system" in training.said and "Traceback" not in training.said
        remount("rw")
        outcome = lab.finish(training)
    note = "" if code and said else f"exit code {code}; said: {said}"
    return outcome._replace(recovered=outcome.recovered and not note, note=note)


def _moved(lab: Lab) -> Outcome:
    training = lab.training()
    lab.until_saved(training, 2)
    moved = Training(lab.folder / f"moved to {training.folder.name}", lab.toy)
    moved.process = training.process
    for name in ("checkpoints", "run", "job.log"):
        shutil.move(training.folder / name, moved.folder / name)
    return lab.finish(moved, together=True)


# ---- surroundings --------------------------------------------------------------------------------------


def _no_wandb(lab: Lab) -> Outcome:
    training = lab.training()
    unreachable = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "0" * 40}
    code = training.run(unreachable, wandb="online")
    same = code == 0 and result(training) == lab.reference
    return Outcome(code == 0, same, "nothing", training.left_behind(), _sentence(training, "W&B"))


def _ports_taken(lab: Lab) -> Outcome:
    training, held = lab.training(), []
    for port in (6379, 8265, 10001, 52365):
        held.append(socket.socket())
        held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held[-1].bind(("", port))
        held[-1].listen()
    try:
        code = training.run()
    finally:
        for taken in held:
            taken.close()
    same = code == 0 and result(training) == lab.reference
    return Outcome(code == 0, same, "nothing", training.left_behind())


def _stale_session(lab: Lab) -> Outcome:
    """What a dead Ray and a dead job of the same run leave: a cluster file, a session, lock files."""
    training, session = lab.training(), Path("/tmp/ray")
    there = session.exists()
    (session / "session_stale").mkdir(parents=True, exist_ok=True)
    (session / "ray_current_cluster").write_text("127.0.0.1:6379")
    lab.until_saved(training, 1)
    (training.checkpoints / "lock").touch()
    try:
        return lab.finish(training, together=True)
    finally:
        if not there:
            shutil.rmtree(session)


def _two_at_once(lab: Lab) -> Outcome:
    """A second job of the same run, while the first trains."""
    first = lab.training()
    first.start()
    first.wait_for(lambda: first.recorded() >= 1)
    second = Training(first.folder, lab.toy)
    second.start()
    codes = first.end(), second.end()
    said = "waiting for the process that already trains this run" in first.said
    left = [*first.left_behind(), *second.left_behind()]
    same = codes == (0, 0) and result(first) == lab.reference
    return Outcome(codes == (0, 0) and said, same, "nothing", left)


def _sentence(training: Training, word: str) -> str:
    return next((line for line in training.said.splitlines() if word in line), f"{word} not said")[:160]


TRAINING_FAULTS: dict[str, tuple[Fault, int]] = {
    "SIGKILL of the driver": (_killed(DRIVER), 5),
    "SIGKILL of the Ray worker": (_killed(WORKER), 4),
    "SIGKILL of the rollout server": (_killed(SERVER), 4),
    "SIGKILL of the whole process tree": (_killed(None), 4),
    "SIGKILL inside a checkpoint write": (_killed_while_saving, 3),
    "SIGTERM to the job": (_stopped(signal.SIGTERM), 1),
    "SIGINT to the job": (_stopped(signal.SIGINT), 1),
    "newest checkpoint cut off": (_damaged(_cut), 1),
    "newest checkpoint lacks a shard": (_damaged(_missing), 1),
    "newest checkpoint with a flipped byte": (_damaged(_flipped), 1),
    "newest checkpoint's manifest cut off": (_damaged(_no_manifest_end), 1),
    "every checkpoint damaged": (_all_damaged, 1),
    "disk full while a checkpoint is written": (_disk_full, 1),
    "checkpoints read-only": (_read_only, 1),
    "checkpoints moved to another path": (_moved, 1),
    "W&B unreachable": (_no_wandb, 1),
    "Ray's usual ports taken": (_ports_taken, 1),
    "stale Ray session and lock": (_stale_session, 1),
    "a second job of the same run": (_two_at_once, 1),
}
"""Fault -> trial, and how often it is tried."""


# ---- the campaign --------------------------------------------------------------------------------------


def make_toy(folder: Path) -> Path:
    """A small model and problems, as the tests' ``toy`` fixture makes them."""
    from gdpo.config.problems import ArithmeticProblems
    from gdpo.config.starting_model import StartingModel
    from gdpo.data.arithmetic import make_problems, problem_frame
    from gdpo.data.problem_files import write_problems
    from gdpo.starting_model.pretrain import make_starting_model

    section = StartingModel(steps=80, pool_size=2000, held_out_problems=8, held_out_samples=1)
    make_starting_model(section, folder / "model")
    for name, split, size in (("train", "train", 64), ("validation", "benchmark", 8)):
        problems = make_problems(ArithmeticProblems(split=split, size=size))
        write_problems(problem_frame(name, problems, split), folder / f"{name}.parquet")
    return folder


def trials(
    folder: Path, names: Sequence[str], seed: int, most: int | None
) -> Iterator[tuple[str, list[Outcome]]]:
    """Each fault with its outcomes, at most so many; none where it cannot be tried here."""
    lab = Lab(folder, make_toy(folder / "toy"), seed)
    pipelines = Pipelines(folder) if set(names) & set(PIPELINE_FAULTS) else None
    for name in names:
        outcomes = []
        if _needs_root(name):
            yield name, outcomes
            continue
        if name in CONTENT_FAULTS:
            yield name, tested(CONTENT_FAULTS[name])
            continue
        fault, times = TRAINING_FAULTS.get(name, (None, 1))
        for _ in range(min(times, most or times)):
            start = time.monotonic()
            try:
                outcomes.append(fault(lab) if fault else PIPELINE_FAULTS[name](pipelines))
            except Exception as error:  # noqa: BLE001 - the other faults are tried all the same
                traceback.print_exc()
                outcomes.append(Outcome(False, None, "unknown", [], repr(error)))
            print(f"{name}: {outcomes[-1]} in {time.monotonic() - start:.0f} s", flush=True)
        yield name, outcomes


def tested(paths: Sequence[str]) -> list[Outcome]:
    """Outcomes of faults that tests try, each of which compares what it should."""
    tests = Path(__file__).parents[1]
    report = Path(tempfile.mkstemp(suffix=".xml")[1])
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *(str(tests / p) for p in paths)]
    subprocess.run(command, cwd=tests.parent, stdout=subprocess.DEVNULL)
    cases = ElementTree.parse(report).iter("testcase")
    report.unlink()
    good = [case.find("failure") is None and case.find("error") is None for case in cases]
    return [Outcome(passed, None, "nothing", []) for passed in good]


def _needs_root(name: str) -> bool:
    """Whether a fault mounts a file system, and this process may not."""
    return os.geteuid() != 0 and ("disk full" in name or "read-only" in name)


def row(name: str, outcomes: list[Outcome]) -> list[str]:
    """A line of the table."""
    if not outcomes:
        return [name, "0", "not tried: needs root", "", "", ""]
    compared = [outcome.equal for outcome in outcomes if outcome.equal is not None]
    lost = sorted({outcome.lost for outcome in outcomes})
    left = [thing for outcome in outcomes for thing in outcome.left_behind]
    return [
        name,
        str(len(outcomes)),
        f"{sum(outcome.recovered for outcome in outcomes)} of {len(outcomes)}",
        f"{sum(compared)} of {len(compared)}" if compared else "no result to compare",
        f"{lost[0]} to {lost[-1]} done again" if len(lost) > 1 else lost[0],
        ", ".join(left) or "nothing",
    ]


CONTENT_FAULTS = {
    "a generation that is empty, never ends, or is no UTF-8": [
        "sampling/test_generations.py",
        "verl_plugin/test_agent_loop_generations.py",
        "verl_plugin/test_reward_manager.py",
    ],
    "a batch in which every group is dead": ["advantage/test_dead_batch.py"],
    "prompts longer than the limit": [
        "verl_plugin/test_training.py::test_a_training_that_fails_says_why",
    ],
    "groups that stay dead": [
        "verl_plugin/test_training.py::test_groups_that_stay_dead_are_not_drawn_for_ever",
    ],
    "damaged data: empty, cut, wrong columns, nulls, duplicates, a 100 MB line": ["data/test_data_faults.py"],
    "anything as config, data, response or samples (fuzz)": ["fuzz"],
}
"""Fault -> tests below ``tests`` that try it; each test counts as one time."""
SHORT = [
    "SIGKILL of the Ray worker",
    "SIGKILL inside a checkpoint write",
    "newest checkpoint with a flipped byte",
    "every checkpoint damaged",
    "disk full while a checkpoint is written",
    "disk full while tables are written",
    "two Snakemakes in one folder",
    "every file's time a year ahead, then ten years back",
]
"""One trial each in the tests."""
FAULTS = [*TRAINING_FAULTS, *PIPELINE_FAULTS, *CONTENT_FAULTS]
HEADERS = ["fault", "times tried", "recovered", "result equal", "data lost", "left behind"]


def main() -> int:
    """Run the campaign and print its table; 1 if a fault was not survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", action="append", choices=FAULTS, help="by default every one")
    parser.add_argument("--short", action="store_true", help="a few faults, once each")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--out", type=Path, help="write the table as Markdown")
    options = parser.parse_args()
    table, rows, good = Table(*HEADERS), [], True
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gdpo-faults-", dir="/tmp") as folder:
        names, most = (SHORT, 1) if options.short else (options.fault or FAULTS, None)
        for name, outcomes in trials(Path(folder), names, options.seed, most):
            rows.append(row(name, outcomes))
            table.add_row(*rows[-1])
            good &= all(o.recovered and o.equal is not False and not o.left_behind for o in outcomes)
    Console(width=200).print(table)
    print(f"{(time.monotonic() - start) / 60:.0f} minutes")
    if options.out:
        lines = [HEADERS, ["---"] * len(HEADERS), *rows]
        write_text(options.out, "".join("| " + " | ".join(line) + " |\n" for line in lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
