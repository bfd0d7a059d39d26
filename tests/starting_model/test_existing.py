"""Models that exist: a local folder, and the hub's cache as huggingface_hub lays it out."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from gdpo.config.models import FolderModel
from gdpo.starting_model.existing import take_folder

REPO, COMMIT = "someone/tiny-model", "0" * 39 + "1"


def test_a_folder_is_taken_over_whole_and_loads(toy, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    (toy / "model" / "evil.py").write_text("raise SystemExit")
    manifest = take_folder(FolderModel(source="folder", path=str(toy / "model")), tmp_path / "m")
    assert "model.safetensors" in manifest["files"] and "evil.py" not in manifest["files"]
    original = json.loads((toy / "model" / "manifest.json").read_text())["files"]["model.safetensors"]
    assert manifest["files"]["model.safetensors"] == original
    AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    assert AutoTokenizer.from_pretrained(tmp_path / "m").eos_token


@pytest.mark.parametrize(
    ("missing", "said"), [("config.json", "config.json"), ("model.safetensors", "safetens")]
)
def test_a_folder_without_a_model_is_refused(toy, tmp_path, missing, said):
    shutil.copytree(toy / "model", tmp_path / "broken")
    (tmp_path / "broken" / missing).unlink()
    with pytest.raises(ValueError, match=said):
        take_folder(FolderModel(source="folder", path=str(tmp_path / "broken")), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def fetch(home, out, repo=REPO):
    """Fetch in a process of its own: huggingface_hub reads HF_HOME when it is imported."""
    code = (
        "import sys; from pathlib import Path; from gdpo.config.models import HubModel;"
        "from gdpo.starting_model.existing import fetch_model;"
        "fetch_model(HubModel(source='hub', repo=sys.argv[1]), Path(sys.argv[2]))"
    )
    environment = os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code, repo, str(out)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_hub_model_comes_from_the_cache_offline(toy, tmp_path):
    cached = tmp_path / "home" / "hub" / "models--someone--tiny-model"
    shutil.copytree(toy / "model", cached / "snapshots" / COMMIT)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(COMMIT)
    done = fetch(tmp_path / "home", tmp_path / "m")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    assert (manifest["repo"], manifest["commit"]) == (REPO, COMMIT)
    assert "model.safetensors" in manifest["files"]


def test_a_hub_model_that_cannot_be_reached_says_what_to_do(tmp_path):
    failed = fetch(tmp_path / "home", tmp_path / "m")
    assert failed.returncode != 0
    assert "hf download someone/tiny-model" in failed.stderr and "HF_HOME" in failed.stderr
    assert not (tmp_path / "m").exists()
