"""One Ray cluster over all nodes of a SLURM job, for as long as its driver runs."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from gdpo.cluster.job import JOB_ID, SlurmError, scontrol

START_SECONDS = 300
"""How long all nodes together may take to join."""
STOP_SECONDS = 30
"""How long Ray's daemons may take to end before they are killed."""


RAY = (sys.executable, "-m", "ray.scripts.scripts")
IN_FOLDER = ("/bin/sh", "-c", 'mkdir -p "$TMPDIR" && exec "$@"', "sh")
"""Runs a command on a node once the folder for its temporary files is there."""
ALWAYS = ("--block", "--disable-usage-stats")
ALIVE = (
    "import ray, sys; ray.init(sys.argv[1], logging_level='error', log_to_driver=False); "
    "print(sum(node['Alive'] for node in ray.nodes()))"
)


def planned_cpus(gpus: int) -> int:
    """What veRL 0.9.1 reserves of Ray's CPUs on a node: TransferQueue 9, and 3 for each GPU's workers.

    With fewer it waits for them without end and without a word. They are numbers that Ray plans with, no
    cores: on a smaller machine its processes share those that there are.
    """
    return 9 + 3 * gpus


class RayNotStarted(RuntimeError):
    """A node did not join; the message says where its log is."""


def nodes_of_job(job: str) -> list[str]:
    """Names of a job's nodes; the first is where its batch script runs.

    (Not from the environment: Snakemake's executor removes most of SLURM's variables.)
    """
    shown = scontrol("show", "job", "--oneliner", job)
    names = next(part.removeprefix("NodeList=") for part in shown.split() if part.startswith("NodeList="))
    return scontrol("show", "hostnames", names).split()


def address_of_node(node: str) -> str:
    """A node's address, as the controller knows it."""
    shown = scontrol("show", "node", "--oneliner", node)
    name = next(part.removeprefix("NodeAddr=") for part in shown.split() if part.startswith("NodeAddr="))
    return socket.gethostbyname(name)


@contextlib.contextmanager
def ray_on_nodes(
    gpus: int, threads: int, log: Path, temporary: Path, environment: Mapping[str, str] = os.environ
) -> Iterator[dict[str, str]]:
    """Start Ray's head on this node and a worker on each other one, and end all of them afterwards.

    Args:
        gpus: GPUs of each node, which SLURM gave the job.
        threads: cores of each node, which SLURM gave the job.
        log: file for what Ray's daemons print.
        temporary: folder for Ray's session and all temporary files on each node; its path must be short.
        environment: what the daemons get, and the workers with them.

    Yields:
        The variables by which a driver finds the cluster and may use it, and where temporary files go.

    Raises:
        SlurmError: this is no SLURM job, or srun is missing.
        RayNotStarted: a node did not join in time, or its daemon ended.
    """
    if JOB_ID not in environment:
        raise SlurmError("several nodes: only within a SLURM job (a slurm profile), or with RAY_ADDRESS set")
    nodes = [(name, address_of_node(name)) for name in nodes_of_job(environment[JOB_ID])]
    head = f"{nodes[0][1]}:{_free_port()}"
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    access["TMPDIR"] = str(temporary / "tmp")
    given, daemons = {**environment, **access}, []
    try:
        with log.open("ab") as output:
            for name, address in nodes:
                role = [f"--address={head}"]
                if not daemons:
                    role = ["--head", f"--port={head.split(':')[1]}", f"--temp-dir={temporary}"]
                    role.append("--include-dashboard=false")
                role += [f"--node-ip-address={address}", f"--num-gpus={gpus}"]
                role.append(f"--num-cpus={max(threads, planned_cpus(gpus))}")
                command = [*_step(name, gpus, threads), *IN_FOLDER, *RAY, "start", *role, *ALWAYS]
                streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
                daemons.append(subprocess.Popen(command, env=given, **streams))
                _wait_for_nodes(head, daemons, given, log)
        yield {**access, "RAY_ADDRESS": head}
    finally:
        _end(daemons)
        every = ["--overlap", f"--nodes={len(nodes)}", "--ntasks-per-node=1", f"--ntasks={len(nodes)}"]
        subprocess.run(["srun", *every, "rm", "-rf", str(temporary)], stderr=subprocess.DEVNULL)


def _step(node: str, gpus: int, threads: int) -> list[str]:
    """srun's options for one process on one node with all of the job's GPUs there, which it may share."""
    place = ["--overlap", "--nodes=1", "--ntasks=1", f"--nodelist={node}"]
    return ["srun", *place, f"--gres=gpu:{gpus}", f"--cpus-per-task={threads}"]


def _wait_for_nodes(head: str, daemons: list[subprocess.Popen], given: Mapping[str, str], log: Path) -> None:
    """Until as many nodes are alive as daemons were started."""
    end = time.monotonic() + START_SECONDS
    while True:
        command = [sys.executable, "-c", ALIVE, head]
        # Ray waits by itself for a head that is not there yet.
        with contextlib.suppress(subprocess.SubprocessError, ValueError):
            done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=True)
            if int(done.stdout) >= len(daemons):
                return
        if time.monotonic() > end or any(daemon.poll() is not None for daemon in daemons):
            raise RayNotStarted(f"Ray did not start on node {len(daemons)} of the job; see {log}")


def _end(daemons: list[subprocess.Popen]) -> None:
    """End the daemons: srun hands SIGTERM on, at which ``ray start --block`` ends what it started."""
    for daemon in daemons:
        daemon.send_signal(signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    for daemon in daemons:
        try:
            daemon.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("", 0))
        return opened.getsockname()[1]
