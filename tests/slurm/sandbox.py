"""A real SLURM on this machine: one controller, four nodes with GPUs that are copies of /dev/null.

    python tests/slurm/sandbox.py up /tmp/my-slurm      prints what to export
    python tests/slurm/sandbox.py down /tmp/my-slurm

Everything lies in one folder and is found through SLURM_CONF: /etc/slurm and the machine's own munge are not
touched, and there may be several. Needs root, and Debian's packages slurm-wlm and munge.
"""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

NODES = {"gpu-a100-1": ("a100", 4), "gpu-a100-2": ("a100", 4), "gpu-b200-1": ("b200", 8), "cpu-1": ("", 0)}
"""Node -> type and number of its GPUs."""
COMMANDS = ("sbatch", "srun", "scontrol", "scancel", "squeue", "sinfo")
NULL = os.makedev(1, 3)

CONF = """
ClusterName=gdpo
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
# No systemd, no cgroups.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
SwitchType=switch/none
ReturnToService=2
# The cores and the memory are invented: without this the nodes are drained for it.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
JobSubmitPlugins=lua
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
MinJobAge=600
KillWait=5
{nodes}
PartitionName=cpu Nodes=cpu-1 Default=YES MaxTime=1-0 DefaultTime=30 PriorityTier=10
PartitionName=a100 Nodes=gpu-a100-[1-2] MaxTime=2-0 DefaultTime=30 PriorityTier=10 PreemptMode=off
PartitionName=a100-low Nodes=gpu-a100-[1-2] MaxTime=2-0 DefaultTime=30 PriorityTier=1 PreemptMode=requeue
PartitionName=b200 Nodes=gpu-b200-1 MaxTime=2-0 DefaultTime=30 PriorityTier=10 PreemptMode=off
"""
SUBMIT = """
-- Accounts as a site has them, without its database.
function slurm_job_submit(job, partitions, user)
   if job.account ~= nil and job.account ~= "lab" then
      slurm.log_user("account " .. job.account .. " is unknown here")
      return 2045 -- ESLURM_INVALID_ACCOUNT
   end
   return slurm.SUCCESS
end
function slurm_job_modify(job, record, partitions, user) return slurm.SUCCESS end
return slurm.SUCCESS
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=32 SocketsPerBoard=1 "
    "CoresPerSocket=32 ThreadsPerCore=1 RealMemory=512000{gres} State=UNKNOWN"
)


def missing() -> str | None:
    """What this machine lacks for it, in one sentence; None where it can run."""
    if os.geteuid() != 0:
        return "a SLURM of one's own needs root"
    programs = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if not shutil.which(name)]
    return f"{', '.join(programs)} not found: apt-get install slurm-wlm munge" if programs else None


def environment(folder: Path) -> dict[str, str]:
    """What SLURM's commands need to find this cluster."""
    return {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{os.environ['PATH']}"}


def up(folder: Path) -> None:
    """Start the cluster, empty of jobs, and wait until every node is idle.

    Args:
        folder: for everything it writes; with a short path, for munge's socket.

    Raises:
        RuntimeError: it does not come up within a minute; its logs are in the folder.
    """
    down(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _write_config(folder)
    _start_munge(folder)
    _start("slurmctld", "-f", str(folder / "slurm.conf"))
    for name in NODES:
        (folder / f"spool-{name}").mkdir()
        _start("slurmd", "-f", str(folder / "slurm.conf"), "-N", name)
    _wait_for(lambda: _idle(folder), f"idle nodes; see {folder}/*.log")


def skip_wait(job: Mapping[str, str], skipped: set[tuple[str, str]]) -> None:
    """Let a requeued job start in a few seconds instead of SLURM's two minutes.

    Not at once: within the second in which its last run ended the node refuses it ("credential revoked").

    Args:
        job: fields of ``scontrol show job``.
        skipped: job and restart of what was done so far.
    """
    key = (job["JobId"], job["Restarts"])
    if job["JobState"] == "PENDING" and job["Reason"] == "BeginTime" and key not in skipped:
        subprocess.run(["scontrol", "update", f"JobId={job['JobId']}", "StartTime=now+4"], check=True)
        skipped.add(key)


def down(folder: Path) -> None:
    """End every job and daemon of the cluster; its folder with the logs stays."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            ["scancel", "--full", "--user=root"],
            env=os.environ | environment(folder),
            timeout=10,
            capture_output=True,
        )
    for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld", "munged"):
        _end(folder / f"{name}.pid", name.split("-")[0])


def _write_config(folder: Path) -> None:
    host, devices, nodes, gres = socket.gethostname().split(".")[0], folder / "dev", [], ["AutoDetect=off"]
    port, *ports = _free_ports(1 + len(NODES))
    devices.mkdir()
    for node_port, (name, (kind, gpus)) in zip(ports, NODES.items(), strict=True):
        for gpu in range(gpus):
            os.mknod(devices / f"{name}-{gpu}", 0o666 | stat.S_IFCHR, NULL)
        wanted = f" Gres=gpu:{kind}:{gpus}" if gpus else ""
        nodes.append(NODE.format(name=name, host=host, port=node_port, gres=wanted))
        if gpus:
            gres.append(f"NodeName={name} Name=gpu Type={kind} File={devices}/{name}-[0-{gpus - 1}]")
    text = CONF.format(host=host, port=port, folder=folder, nodes="\n".join(nodes))
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text("\n".join(gres) + "\n")
    _write_commands(folder)
    (folder / "job_submit.lua").write_text(SUBMIT)
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    (folder / "state").mkdir()


def _write_commands(folder: Path) -> None:
    """SLURM's commands for jobs in which Snakemake removed every SLURM variable, SLURM_CONF too."""
    (folder / "bin").mkdir()
    for name in COMMANDS:
        path = folder / "bin" / name
        path.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which(name)} "$@"\n')
        path.chmod(0o755)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _start_munge(folder: Path) -> None:
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(os.urandom(1024))
    files = {"key-file": key, "socket": folder / "munge.socket", "pid-file": folder / "munged.pid"}
    files |= {"log-file": folder / "munged.log", "seed-file": folder / "munged.seed"}
    # --force: the parents of the folder may be written by others.
    _start("munged", "--force", *(f"--{name}={path}" for name, path in files.items()))


def _start(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


def _idle(folder: Path) -> bool:
    command = ["sinfo", "--noheader", "--Node", "--format=%N %T"]
    done = subprocess.run(command, env=os.environ | environment(folder), capture_output=True, text=True)
    return {line for line in done.stdout.splitlines()} == {f"{name} idle" for name in NODES}


def _end(pid_file: Path, name: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        if Path(f"/proc/{pid}/comm").read_text().strip() == name:
            os.kill(pid, signal.SIGTERM)
            _wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"the end of {name}")
        pid_file.unlink()


def _wait_for(condition: Callable[[], bool], text: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds:.0f} s for {text}")
        time.sleep(0.2)


if __name__ == "__main__":
    if problem := missing():
        sys.exit(problem)
    action, place = sys.argv[1], Path(sys.argv[2])
    if action == "up":
        up(place)
        print("".join(f"export {name}={value}\n" for name, value in environment(place).items()), end="")
    else:
        down(place)
