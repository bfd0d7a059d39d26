"""The hub on this machine answers huggingface_hub as the real one does."""

import pytest
from hub_server import running
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path):
    files = {
        "models/owner/model/config.json": "{}",
        "models/owner/model/model.safetensors": "weights",
        "datasets/owner/set/data/train-0.parquet": "rows",
        "datasets/owner/set.commit": COMMIT,
    }
    for name, text in files.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with running(tmp_path / "tree") as hub:
        yield hub


def test_a_snapshot_holds_what_was_asked_for_under_its_commit(hub, tmp_path):
    folder = snapshot_download(
        "owner/model", endpoint=hub.address, cache_dir=tmp_path / "cache", allow_patterns=["*.json"]
    )
    assert {path.name for path in (tmp_path / "cache").rglob("snapshots/*/*")} == {"config.json"}
    info = HfApi(endpoint=hub.address).model_info("owner/model", files_metadata=True)
    assert folder.endswith(info.sha)
    assert {file.rfilename: file.size for file in info.siblings} == {"config.json": 2, "model.safetensors": 7}


def test_a_full_commit_is_answered_by_itself(hub, tmp_path):
    asked = {"repo_type": "dataset", "revision": COMMIT, "endpoint": hub.address, "cache_dir": tmp_path / "c"}
    path = hf_hub_download("owner/set", "data/train-0.parquet", **asked)
    assert COMMIT in path
    assert f"GET /datasets/owner/set/resolve/{COMMIT}/data/train-0.parquet" in hub.requests


@pytest.mark.parametrize(
    ("repository", "file", "revision", "error"),
    [
        ("owner/other", "config.json", "main", RepositoryNotFoundError),
        ("owner/model", "config.json", "v2", RevisionNotFoundError),
        ("owner/model", "other.json", "main", EntryNotFoundError),
    ],
)
def test_what_is_not_there_is_told_as_the_real_hub_tells_it(hub, tmp_path, repository, file, revision, error):
    asked = {"revision": revision, "endpoint": hub.address, "cache_dir": tmp_path / "cache"}
    with pytest.raises(error):
        hf_hub_download(repository, file, **asked)
