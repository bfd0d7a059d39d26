"""The site file: what it refuses, and what jobs get from it."""

import os
import subprocess

import pytest
import yaml

from gdpo.config.errors import ConfigError
from gdpo.config.site import Environment, cluster_site, places, read_site
from gdpo.plugins.loading import folders

A100 = {"partition": "gpu", "time_limit": 60, "gres": "gpu:a100"}
SITE = {"account": "lab", "partitions": {"cpu": {"partition": "short", "time_limit": 60}, "a100": A100}}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write site.yaml into the working directory, the known site with changed keys."""
    monkeypatch.chdir(tmp_path)

    def write(**changes):
        (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE | changes))

    return write


def test_a_job_has_its_partition_s_account_or_the_site_s(write):
    write(
        partitions=SITE["partitions"] | {"b200": A100 | {"account": "big", "qos": "long", "constraint": "ib"}}
    )
    site = cluster_site("b200", {})
    assert site.submission("cpu") == {"slurm_partition": "short", "slurm_account": "lab"}
    assert site.submission("b200") == {
        "slurm_partition": "gpu",
        "slurm_account": "big",
        "constraint": "ib",
        "qos": "long",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"partition": {}}, "site.yaml: partition: unknown key; did you mean partitions"),
        ({"partitions": {"a100": A100}}, "partitions.cpu: missing"),
        (
            {"partitions": SITE["partitions"] | {"b200": {"partition": "b", "time_limit": 1}}},
            "b200.gres: missing",
        ),
        (
            {"partitions": SITE["partitions"] | {"a100": A100 | {"gres": "gpu:a100:4"}}},
            "partitions.a100.gres",
        ),
        (
            {"partitions": SITE["partitions"] | {"a100": A100 | {"time_limit": 0}}},
            "partitions.a100.time_limit",
        ),
        ({"environment": {"prefix": "/nowhere"}}, "/nowhere has no bin/gdpo"),
        ({"environment": {"image": "/nowhere.sif"}}, "/nowhere.sif is not a file"),
        ({"environment": {"image": "a", "prefix": "b"}}, "give one of them"),
    ],
)
def test_a_wrong_site_file_is_refused_by_key(write, changes, message):
    write(**changes)
    with pytest.raises(ConfigError, match=message):
        read_site({})


def test_a_profile_needs_a_site_file_that_knows_its_gpus(write, tmp_path):
    with pytest.raises(ConfigError, match=r"cp site.example.yaml site.yaml"):
        cluster_site("a100", {})
    write()
    with pytest.raises(ConfigError, match=r"partitions.b200: missing; .* kinds here: a100"):
        cluster_site("b200", {})
    with pytest.raises(ConfigError, match="no such file; GDPO_SITE names it"):
        read_site({"GDPO_SITE": str(tmp_path / "other.yaml")})
    (tmp_path / "site.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not YAML"):
        read_site({})


def test_the_shipped_example_is_valid(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    site = cluster_site("b200", {"GDPO_SITE": "site.example.yaml"})
    assert set(site.partitions) == {"cpu", "a100", "b200"}


def test_large_files_lie_where_the_shell_says_then_the_site_then_below_results(write):
    assert places("demo", {}) == {
        "checkpoints": "results/checkpoints",
        "samples": "results/samples",
        "problems": "results/demo/problems",
    }
    write(places={"checkpoints": "/scratch/c", "data": "/scratch/d"})
    found = places("demo", {"CKPT_DIR": "/else"})
    assert found == {"checkpoints": "/else", "samples": "results/samples", "problems": "/scratch/d/demo"}


def ran(environment: Environment, folder, plugins=()) -> str:
    """What a rule's shell prints that calls gdpo; Snakemake formats the prefix with the command."""
    script = (environment.shell_prefix(folders(plugins)) + "gdpo 'a b' --label c").format()
    found = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-euc", script], env=found, capture_output=True, text=True, check=True
    ).stdout


def program(path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_prefix_s_gdpo_goes_first(tmp_path):
    program(tmp_path / "my env" / "bin" / "gdpo", 'echo "theirs $#: $*"')
    program(tmp_path / "path" / "gdpo", "echo ours")
    assert ran(Environment(), tmp_path / "path") == "ours\n"
    assert ran(Environment(prefix=str(tmp_path / "my env")), tmp_path / "path") == "theirs 3: a b --label c\n"


def test_a_prefix_in_this_folder_is_found_from_any_other(tmp_path, monkeypatch):
    program(tmp_path / ".venv-gpu" / "bin" / "gdpo", "echo theirs")
    monkeypatch.chdir(tmp_path)
    prefix = Environment(prefix=".venv-gpu").shell_prefix()
    (tmp_path / "else").mkdir()
    done = subprocess.run(
        ["bash", "-c", prefix.format() + "gdpo"], cwd=tmp_path / "else", capture_output=True, text=True
    )
    assert done.stdout == "theirs\n"


def test_an_image_s_gdpo_is_run_with_gpus_and_folders(tmp_path):
    program(tmp_path / "apptainer", 'echo "$#: $*"')
    image = Environment(image="/shared/my image.sif", bind=["/scratch", "/data"])
    arguments = "exec --nv --bind /scratch --bind /data /shared/my image.sif gdpo a b --label c"
    assert ran(image, tmp_path) == f"11: {arguments}\n"
    # It sees the folders of plug-ins too, of files as of packages inside it.
    seen = arguments.replace("/data ", "/data --bind /home/me/mine ")
    assert ran(image, tmp_path, ["/home/me/mine/rewards.py", "a-package"]) == f"13: {seen}\n"
