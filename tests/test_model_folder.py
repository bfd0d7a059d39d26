"""Model folders: whole or not at all, and never over somebody's own files."""

import json

import pytest

from gdpo.model_folder import MANIFEST, model_hash, write_model_folder


def fill_with(text):
    return lambda folder: (folder / "model.safetensors").write_text(text)


def test_equal_files_equal_hash_whatever_else_the_manifest_says(tmp_path):
    write_model_folder(tmp_path / "a", fill_with("x"), {"seconds": 1})
    write_model_folder(tmp_path / "b", fill_with("x"), {"seconds": 2})
    write_model_folder(tmp_path / "c", fill_with("y"), {"seconds": 1})
    a, b, c = (model_hash(tmp_path / name) for name in "abc")
    assert a == b != c


def test_a_failure_leaves_the_old_folder_and_no_partial_one(tmp_path):
    write_model_folder(tmp_path / "m", fill_with("old"), {})

    def fail(folder):
        (folder / "half").write_text("")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        write_model_folder(tmp_path / "m", fail, {})
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m" / "model.safetensors").read_text() == "old"


def test_a_folder_whose_manifest_snakemake_deleted_is_replaced(tmp_path):
    write_model_folder(tmp_path / "m", fill_with("old"), {})
    (tmp_path / "m" / MANIFEST).unlink()
    with pytest.raises(FileNotFoundError, match="make the model with this pipeline"):
        model_hash(tmp_path / "m")
    write_model_folder(tmp_path / "m", fill_with("new"), {})
    assert "model.safetensors" in json.loads((tmp_path / "m" / MANIFEST).read_text())["files"]


def test_somebodys_own_folder_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="name another folder"):
        write_model_folder(tmp_path, fill_with("x"), {})
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "model.safetensors is missing; remove the folder"),
        (lambda path: path.write_text("y"), "model.safetensors is damaged"),
    ],
)
def test_a_damaged_model_is_not_used(tmp_path, spoil, message):
    write_model_folder(tmp_path / "m", fill_with("x"), {})
    spoil(tmp_path / "m" / "model.safetensors")
    with pytest.raises(ValueError, match=message):
        model_hash(tmp_path / "m")
