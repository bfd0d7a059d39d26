"""Train one run: resolved config and data in, checkpoints, metrics and a summary out.

This process imports neither veRL nor Ray. It starts the trainer as a child in a process group of its own, so
that whatever happens to the trainer, no process and no temporary folder outlives the job.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from gdpo import checkpoints as saved
from gdpo.cluster.continuation import check_progress, go_on_later
from gdpo.cluster.job import Job, current_job
from gdpo.cluster.ray_nodes import planned_cpus, ray_on_nodes
from gdpo.config.run import RunConfig, content_hash, load_run_config
from gdpo.config.training import HardwareConfig
from gdpo.model_folder import model_hash
from gdpo.parquet import write_table
from gdpo.plugins.loading import load_from_environment, loaded_files, named_in_environment
from gdpo.plugins.same_code import in_environment
from gdpo.provenance import Stopped, error_in_log, one_line, restore_provenance, session
from gdpo.run_state import LOCK
from gdpo.step_log import all_steps, newest_step, start_segment
from gdpo.tasks import check_ready
from gdpo.verl_plugin.deadline import OUT_OF_TIME, UNTIL
from gdpo.verl_plugin.overrides import RunPaths, verl_overrides
from gdpo.verl_plugin.progress import LABEL, STREAM
from gdpo.verl_plugin.wandb_run import Choice, Tracking, wandb_id
from gdpo.whole_file import write_text

KILL_RESERVE = 30
"""Seconds before the end of a job at which what still trains is killed, and the job queued again."""
SCRATCH = Path("/tmp")
"""Not the job's own temporary folder: sockets have paths of at most 107 characters."""


class TrainingFailed(RuntimeError):
    """The trainer ended without reaching its last step; the message says where its log is."""


def train(
    config: Path,
    train_parquet: Path,
    validation_parquet: Path,
    model: Path,
    checkpoints: Path,
    metrics: Path,
    summary: Path,
    log: Path,
    label: str,
    threads: int = 1,
    group: str = "",
    wandb: Choice = "auto",
    reserve: float = 600,
) -> None:
    """Train a run to its last step, going on from its newest complete checkpoint.

    Within a SLURM job with a time limit, it stops before the limit with a checkpoint and puts the job back
    into the queue, as often as it takes; each of these sessions must have come further.

    Args:
        config: resolved run config (JSON).
        train_parquet: training problems in veRL's schema.
        validation_parquet: validation problems.
        model: Hugging Face folder of the starting model, with its manifest.
        checkpoints: root of checkpoint folders; this run's is named by the content of config, data and model.
        metrics: parquet to write, one row a step, veRL's metric names as columns; provenance goes beside it.
        summary: JSON to write: steps, checkpoint folder, and the prompts that are longer than the limit.
        log: file for the trainer's output; appended to.
        label: name of the run in progress lines and in W&B.
        threads: computing threads of the rollout and of the training worker.
        group: group of the run in W&B.
        wandb: whether W&B gets the metrics; auto is online with an API key and offline without.
        reserve: seconds before the end of a SLURM job that are kept for a last checkpoint and for ending.

    Raises:
        TrainingFailed: the trainer failed; its checkpoints stay.
        RayNotStarted: a node of several did not join.
        NoProgress: a job came no further in its whole time, or in several starts.
        SlurmError: SLURM does not know this job, or does not put it back into the queue.
        CheckpointError: there are checkpoints and none of them is whole.
        gdpo.tasks.JudgeError: a grader of the problems cannot judge on this machine.
    """
    load_from_environment()
    check_ready(_graders(train_parquet) | _graders(validation_parquet))
    run, tracking = load_run_config(config), Tracking.of(wandb, label, group, os.environ)
    data = {"train": _sha256(train_parquet), "validation": _sha256(validation_parquet)}
    inputs = {"data": data, "model": model_hash(model)}
    key = content_hash([run.resolved(), *data.values(), inputs["model"]])
    folder = (checkpoints / key).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    job = current_job(os.environ)
    with _only_trainer(folder, label):
        step = saved.use_newest(folder, lambda text: _say(label, text))
        if step < run.training.steps:
            if job:
                check_progress(folder, job, step)
            known = {"checkpoint": key, "config": content_hash(json.loads(config.read_text())), **inputs}
            known |= _facts(run, tracking, folder)
            files = (config, model, train_parquet, validation_parquet, folder)
            paths = RunPaths(*(path.resolve() for path in files), named_in_environment(), in_environment())
            try:
                with session(known, [folder, metrics.parent], log, step, partial(newest_step, folder)):
                    _run_trainer(run, paths, step, tracking, log, threads, job, reserve)
            except Stopped:
                now = saved.newest_step(folder)
                _say(label, f"the job's time is up after step {now} of {run.training.steps}")
                go_on_later(job, step, now)
        else:
            restore_provenance(folder, metrics.parent)
    write_table(pa.Table.from_pandas(pd.DataFrame(all_steps(folder)), preserve_index=False), metrics)
    checkpoint = saved.step_folder(Path(key), saved.newest_step(folder))
    overlong = json.loads((folder / f"overlong_{train_parquet.stem}.json").read_text())
    done = {"steps": run.training.steps, "checkpoint": str(checkpoint), "overlong_prompts": overlong}
    write_text(summary, json.dumps(done, indent=2) + "\n")


def _graders(problems: Path) -> set[str]:
    """Graders that a problem set names; those that name none are judged as mathematics."""
    file = pq.ParquetFile(problems)
    kind = file.schema_arrow.field("reward_model").type
    if kind.get_field_index("grader") < 0:
        return set()
    (named,) = file.read(columns=["reward_model.grader"]).flatten().columns
    return set(named.drop_null().to_pylist())


def _say(label: str, text: str) -> None:
    print(f"[{label}] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _only_trainer(folder: Path, label: str) -> Iterator[None]:
    """Hold the run's lock: a Snakemake that was killed may have left a job that still trains this run."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        _say(label, "waiting for the process that already trains this run")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _facts(run: RunConfig, tracking: Tracking, folder: Path) -> dict[str, Any]:
    """What provenance says of a run beyond its inputs."""
    wandb = {"mode": tracking.mode, "project": tracking.project, "group": tracking.group, "id": None}
    if tracking.mode != "disabled":
        wandb["id"] = wandb_id(folder)
    devices = run.hardware.nodes * run.hardware.gpus_per_node
    known = {"algorithm_version": run.algorithm_version, "devices": devices, "wandb": wandb}
    return known | ({"plugins": files} if (files := loaded_files()) else {})


def _run_trainer(
    run: RunConfig,
    paths: RunPaths,
    step: int,
    tracking: Tracking,
    log: Path,
    threads: int,
    job: Job | None,
    reserve: float,
) -> None:
    folder, label = paths.checkpoints, tracking.name
    segment = start_segment(folder, step)
    log.parent.mkdir(parents=True, exist_ok=True)
    program = f"gdpo.verl_plugin.{'fork_server' if _from_one_process(run) else 'main'}"
    command = [sys.executable, "-m", program, *verl_overrides(run, paths, step, tracking)]
    log_start = log.stat().st_size if log.exists() else 0
    with _scratch_folder() as scratch, log.open("ab") as log_file, contextlib.ExitStack() as stack:
        environment = _environment(run, scratch, segment, label, threads) | tracking.variables(folder)
        if _own_nodes(run):
            each = (run.hardware.gpus_per_node, threads)
            environment |= stack.enter_context(ray_on_nodes(*each, log, scratch / "ray", environment))
        terminal = os.dup(2)
        end = job.end if job else None
        if end is not None:
            environment[UNTIL] = str(end - reserve)
        child = subprocess.Popen(
            command,
            env=environment | {STREAM: str(terminal)},
            stdout=log_file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            pass_fds=[terminal],
            cwd=scratch,
            start_new_session=True,
        )
        os.close(terminal)
        with _watchdog(child.pid, scratch):
            code = _wait(child, end)
    if code == OUT_OF_TIME:
        raise Stopped
    if code:
        error = error_in_log(log, log_start)
        reason = one_line(error) if error else f"its last lines:\n{_tail(log)}"
        raise TrainingFailed(f"{label}: the trainer ended with exit code {code}; see {log}; {reason}")
    if (last := saved.newest_step(folder)) < run.training.steps:
        raise TrainingFailed(f"{label}: ended at step {last} of {run.training.steps}; see {log}")


def _environment(run: RunConfig, scratch: Path, segment: Path, label: str, threads: int) -> dict[str, str]:
    """The trainer's environment; its workers inherit it."""
    on_cpu = run.hardware.platform == "cpu"
    values = {
        "VERL_USE_EXTERNAL_MODULES": "gdpo.verl_plugin.register",
        "VERL_FILE_LOGGER_PATH": str(segment),
        "TRANSFER_QUEUE_ENABLE": "1",
        "TQ_LOGGING_LEVEL": "ERROR",
        "TOKENIZERS_PARALLELISM": "false",
        "RAY_USAGE_STATS_ENABLED": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "RAY_worker_niceness": "0",
        "RAY_process_group_cleanup_enabled": "0",  # else workers leave the group that is killed at the end
        "HYDRA_FULL_ERROR": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(_temporary_folder(scratch)),
        LABEL: label,
        "GDPO_RAY_INIT": json.dumps(_ray_settings(scratch, run.hardware)),
    }
    if on_cpu:
        values |= {
            "VERL_PLATFORM": "cpu",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(threads),
            # Threads wait awake for the next small operation, but not long: asleep at once costs a fifth of
            # an update, and waiting awake for milliseconds slows a machine that others use as well.
            "OMP_WAIT_POLICY": "PASSIVE",
            "GOMP_SPINCOUNT": "20000",
            # Keep freed memory: large tensors get new pages from the system in every step otherwise.
            "MALLOC_MMAP_THRESHOLD_": str(1 << 25),  # the most that every glibc takes
            "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
            "TQ_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # else it takes whole cores for itself
        }
    inherited = dict(os.environ)
    # SLURM names a job's GPUs in AMD's variable too, and veRL refuses to start where both are set.
    inherited.pop("ROCR_VISIBLE_DEVICES", None)
    several = _own_nodes(run) or "RAY_ADDRESS" in os.environ
    return inherited | values | ({} if several else _private_ray())


def _own_nodes(run: RunConfig) -> bool:
    """Whether the run needs a Ray cluster over the nodes of its job: several, and nobody made one."""
    return run.hardware.nodes > 1 and "RAY_ADDRESS" not in os.environ


def _from_one_process(run: RunConfig) -> bool:
    """Whether all processes of the run are forks of one: on CPUs, and with a Ray that this run starts.

    Not with vLLM, whose server starts processes of its own and ended as a fork.
    """
    on_cpu = run.hardware.platform == "cpu" and run.hardware.rollout == "transformers"
    return on_cpu and not _own_nodes(run) and "RAY_ADDRESS" not in os.environ


def _private_ray() -> dict[str, str]:
    """A Ray that only this run reaches; to be set before anything imports Ray."""
    return {
        # Ray takes the loopback interface only where it believes that there are no other nodes.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),  # Ray would write one of its own into the home folder
    }


def _ray_settings(scratch: Path, hardware: HardwareConfig) -> dict[str, object]:
    """What the private Ray of one node has; on a GPU node its own guess of memory is right."""
    cpus = max(len(os.sched_getaffinity(0)), planned_cpus(hardware.gpus_per_node))
    settings = {"num_gpus": hardware.gpus_per_node, "_temp_dir": str(scratch / "ray"), "num_cpus": cpus}
    if hardware.platform == "cpu":
        settings |= {"num_cpus": 16, "object_store_memory": 300_000_000}
    return settings


def _temporary_folder(scratch: Path) -> Path:
    """For every temporary file of the run: sockets, locks, caches. It goes with the run."""
    folder = scratch / "tmp"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def _watchdog(group: int, scratch: Path) -> Iterator[None]:
    """While this lasts, a small process waits for the end of this one, even by SIGKILL, and then cleans up.

    Its standard input is a pipe that only this process holds: when it ends, so does the input. Ray's own
    agents would outlive a killed run otherwise.
    """
    read, write = os.pipe()
    script = 'cat > /dev/null; kill -s KILL -- "-$1"; sleep 1; rm -rf "$2"'
    dog = subprocess.Popen(
        ["/bin/sh", "-c", script, "gdpo-watchdog", str(group), str(scratch)],
        stdin=read,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(read)
    try:
        yield
    finally:
        os.killpg(dog.pid, signal.SIGKILL)
        dog.wait()
        os.close(write)


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A folder for Ray's session, with a path short enough for its sockets; removed at the end.

    Those of jobs that were killed together with their watchdog (a node that went down) are removed as well.
    """
    for stale in SCRATCH.glob("gdpo-ray-*-*"):
        _remove_if_dead(stale)
    new = Path(tempfile.mkdtemp(prefix=f".gdpo-ray-{os.getpid()}-", dir=SCRATCH))
    folder = new.with_name(new.name[1:])
    try:
        with FileLock(new / LOCK):
            new.rename(
                folder
            )  # only now: another job would take a folder that is not locked for a dead one's
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_dead(folder: Path) -> None:
    """Remove a scratch folder whose job no longer holds its lock; another job may be removing it as well."""
    with contextlib.suppress(Timeout, OSError):
        if folder.stat().st_uid == os.getuid():
            with FileLock(folder / LOCK, blocking=False):
                shutil.rmtree(folder, ignore_errors=True)


def _wait(child: subprocess.Popen, end: float | None) -> int:
    """Wait for the trainer; on a signal, its end, or shortly before the job's, leave nothing of its group."""

    def stop(signum, frame):
        raise SystemExit(128 + signum)

    previous = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        return child.wait(None if end is None else max(0, end - KILL_RESERVE - time.time()))
    except subprocess.TimeoutExpired:
        return OUT_OF_TIME
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
