"""The cluster that jobs are submitted to: one file a site, outside every experiment and every result."""

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from shlex import quote

import yaml
from pydantic import Field, PositiveInt, ValidationError, model_validator

from gdpo.config.base import Section, is_file
from gdpo.config.errors import ConfigError, config_error

FILE = "GDPO_SITE"
"""Environment variable that names another file than ``site.yaml``."""
CPU = "cpu"
"""The partition of jobs without a GPU."""


class Partition(Section):
    """Where one kind of job goes."""

    partition: str
    """SLURM's name of it."""
    time_limit: PositiveInt
    """Longest job there, in minutes. A training that needs more goes on in further jobs."""
    reserve: PositiveInt = 600
    """Seconds before the end of a training's job that are kept for a last checkpoint and for ending."""
    gres: str | None = Field(default=None, pattern=r"^\w+(:[\w.]+)?$")
    """Generic resource of one GPU, without a number, e.g. gpu:a100; none on a partition without GPUs."""
    account: str | None = None
    """Account, where it differs from the site's."""
    constraint: str | None = None
    """Features that a node must have (sbatch --constraint)."""
    qos: str | None = None
    """Quality of service."""


class Environment(Section):
    """Where jobs find ``gdpo`` and its GPU libraries; by default where Snakemake is."""

    prefix: str | None = None
    """Folder of a conda environment or a venv, whose ``bin`` jobs have first on their PATH."""
    image: str | None = None
    """Apptainer image whose ``gdpo`` jobs run."""
    bind: list[str] = []
    """Folders that the image sees beside the working one: data, checkpoints, HF_HOME."""

    @model_validator(mode="after")
    def _one_of_them(self) -> "Environment":
        if self.prefix and self.image:
            raise ValueError("prefix and image: give one of them")
        return self

    def shell_prefix(self, folders: Iterable[str] = ()) -> str:
        """Shell text before a job's command, after which ``gdpo`` is this environment's.

        Args:
            folders: of plug-ins, which an image must see as well.
        """
        if self.image:
            seen = dict.fromkeys([*self.bind, *folders])
            binds = "".join(f" --bind {quote(folder)}" for folder in seen)
            return f'gdpo() {{{{ apptainer exec --nv{binds} {quote(self.image)} gdpo "$@"; }}}}; '
        if self.prefix:
            return f"PATH={quote(str(Path(self.prefix, 'bin').absolute()))}:$PATH; "
        return ""

    def cuda_problem(self) -> str | None:
        """Why trainings on GPUs cannot run in it, as far as can be seen from here, or None."""
        if self.prefix or self.image or not version("torch").endswith("+cpu"):
            return None
        return (
            "environment: missing; jobs would use this environment, whose PyTorch is for CPUs; give the "
            "prefix of the one that `make setup-gpu` makes, or an image"
        )

    def problem(self) -> str | None:
        """Which file of it cannot be seen, or None."""
        if self.prefix and not is_file(Path(self.prefix, "bin", "gdpo")):
            return f"environment.prefix: {self.prefix} has no bin/gdpo; `make setup-gpu` makes .venv-gpu"
        if self.image and not is_file(Path(self.image)):
            return f"environment.image: {self.image} is not a file"
        return None


class Places(Section):
    """Folders for what is large, where all nodes see them; none: below ``results``."""

    checkpoints: str | None = None
    """Checkpoints of all experiments."""
    samples: str | None = None
    """Samples of all experiments."""
    data: str | None = None
    """Problem sets, a folder an experiment."""


class Site(Section):
    """One cluster, as its users see it."""

    account: str | None = None
    """Account that jobs are charged to; none: the user's default."""
    partitions: dict[str, Partition]
    """cpu, and one for each kind of GPU that a profile names."""
    environment: Environment = Environment()
    """What jobs run in."""
    places: Places = Places()
    """Where large files lie."""
    sandbox: str | None = None
    """Where programs that models write run (docs/code.md): bubblewrap, namespaces, landlock, the http address
    of a Sandbox Fusion service, or unconfined; GDPO_SANDBOX goes before it. None: the first that works."""

    @model_validator(mode="after")
    def _has_a_cpu_partition(self) -> "Site":
        if CPU not in self.partitions:
            raise ValueError("partitions.cpu: missing; where jobs without a GPU go")
        for kind, partition in self.partitions.items():
            if kind != CPU and partition.gres is None:
                raise ValueError(f"partitions.{kind}.gres: missing; e.g. gpu:{kind}")
        return self

    def submission(self, kind: str) -> dict[str, str]:
        """Resources of the SLURM executor plugin that every job on a partition has."""
        chosen = self.partitions[kind]
        values = {
            "slurm_partition": chosen.partition,
            "slurm_account": chosen.account or self.account,
            "constraint": chosen.constraint,
            "qos": chosen.qos,
        }
        return {name: value for name, value in values.items() if value is not None}


def read_site(environment: Mapping[str, str] = os.environ) -> Site | None:
    """The site file of this folder; None where there is none.

    Raises:
        ConfigError: it is not YAML, has an unknown key or lacks one; or a file that it names is missing.
    """
    path = site_file(environment)
    if not is_file(path):
        if FILE in environment:
            raise ConfigError(f"{path}: no such file; {FILE} names it")
        return None
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        site = Site.model_validate(values)
    except ValidationError as error:
        lines = str(config_error(error, Site)).splitlines()
        raise ConfigError("\n".join(f"{path}: {line}" for line in lines)) from error
    if problem := site.environment.problem():
        raise ConfigError(f"{path}: {problem}")
    return site


def cluster_site(gpu: str, environment: Mapping[str, str] = os.environ) -> Site:
    """The site file, which must say where jobs with a kind of GPU go.

    Raises:
        ConfigError: there is no site file, it is wrong, or it does not know this kind.
    """
    site, path = read_site(environment), site_file(environment)
    if site is None:
        raise ConfigError(
            f"{path}: missing; it says where jobs go: cp site.example.yaml {path}, then edit account and "
            "partitions"
        )
    if gpu not in site.partitions or gpu == CPU:
        known = ", ".join(kind for kind in site.partitions if kind != CPU) or "none"
        raise ConfigError(f"{path}: partitions.{gpu}: missing; the profile asks for it; kinds here: {known}")
    return site


def site_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the site file is, or would be."""
    return Path(environment.get(FILE, "site.yaml"))


def places(experiment: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Folders of checkpoints, samples and problem sets: from the environment, else the site, else results."""
    site = read_site(environment)
    chosen = site.places if site else Places()
    data = environment.get("DATA_DIR") or chosen.data
    return {
        "checkpoints": environment.get("CKPT_DIR") or chosen.checkpoints or "results/checkpoints",
        "samples": environment.get("SAMPLES_DIR") or chosen.samples or "results/samples",
        "problems": f"{data}/{experiment}" if data else f"results/{experiment}/problems",
    }
