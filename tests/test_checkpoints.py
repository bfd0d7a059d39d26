"""Checkpoints: only whole ones are used, the fall-back is said, and nothing starts from zero silently."""

import shutil

import pytest

from gdpo.checkpoints import (
    TRACKER,
    CheckpointError,
    begin,
    damage,
    newest_step,
    prune,
    seal,
    step_folder,
    use_newest,
)
from gdpo.manifest import MANIFEST


def make(run_folder, step, score=None, sealed=True):
    folder = step_folder(run_folder, step)
    begin(folder)
    (folder / "actor").mkdir()
    (folder / "actor" / "model.pt").write_bytes(bytes(range(256)) * step)
    (folder / "data.pt").write_bytes(b"order")
    (run_folder / TRACKER).write_text(str(step))
    if sealed:
        seal(folder, score)
    return folder


def cut(folder):
    path = folder / "actor" / "model.pt"
    path.write_bytes(path.read_bytes()[:-1])


def flip(folder):
    path = folder / "actor" / "model.pt"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def remove(folder):
    (folder / "data.pt").unlink()


def spoil_manifest(folder):
    (folder / MANIFEST).write_text('{"files": ')


DAMAGES = {
    cut: "actor/model.pt is damaged",
    flip: "actor/model.pt is damaged",
    remove: "data.pt is missing",
    spoil_manifest: "manifest.json cannot be read",
}


@pytest.mark.parametrize(("spoil", "message"), DAMAGES.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_a_damaged_checkpoint_is_said_and_the_one_before_it_used(tmp_path, spoil, message):
    whole, bad = make(tmp_path, 2), make(tmp_path, 4)
    assert damage(bad) is None
    spoil(bad)
    said = []
    assert use_newest(tmp_path, said.append) == 2 == newest_step(tmp_path)
    [sentence] = said
    assert "step 4 is damaged" in sentence and "going on from step 2" in sentence
    assert message in sentence
    assert whole.is_dir() and not bad.exists() and (tmp_path / "damaged-global_step_4-1").is_dir()
    assert use_newest(tmp_path, said.append) == 2 and len(said) == 1


def test_no_whole_checkpoint_is_an_error_that_removes_nothing(tmp_path):
    for step in (2, 4):
        flip(make(tmp_path, step))
    with pytest.raises(CheckpointError, match=r"step 4: actor/model.pt is dam.*step 2: .*from the start"):
        use_newest(tmp_path, print)
    assert step_folder(tmp_path, 2).is_dir() and step_folder(tmp_path, 4).is_dir()


def test_half_a_checkpoint_is_removed(tmp_path):
    make(tmp_path, 2)
    half = make(tmp_path, 4, sealed=False)  # killed before the seal: its files need not be on the disk
    assert use_newest(tmp_path, print) == 2 and not half.exists()


def test_a_checkpoint_whose_seal_is_interrupted_is_not_used(tmp_path, monkeypatch):
    """Wherever: it would have no checksums, and damage to it would not be seen."""
    make(tmp_path, 2)
    cut_short = make(tmp_path, 4, sealed=False)

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("gdpo.checkpoints.write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        seal(cut_short)
    assert newest_step(tmp_path) == 2 == use_newest(tmp_path, print)


def test_nothing_is_the_start(tmp_path):
    assert newest_step(tmp_path) == 0 == use_newest(tmp_path, print)
    half = make(tmp_path, 2, sealed=False)
    (tmp_path / TRACKER).unlink()
    assert use_newest(tmp_path, print) == 0 and not half.exists()


def test_verls_newest_counts_without_a_manifest(tmp_path):
    """Saved before there were seals."""
    make(tmp_path, 2)
    (make(tmp_path, 4, sealed=False) / "being-written").unlink()
    said = []
    assert use_newest(tmp_path, said.append) == 4
    assert said == ["the checkpoint of step 4 has no checksums and is used unchecked"]


def test_pruning_keeps_the_newest_and_the_best(tmp_path):
    for step, score in ((2, 0.1), (4, 0.9), (6, None), (8, 0.5), (10, 0.2)):
        make(tmp_path, step, score)
        prune(tmp_path, 2)
    assert {path.name.rpartition("_")[2] for path in tmp_path.glob("global*")} == {"4", "8", "10"}
    assert all(damage(path) is None for path in tmp_path.glob("global*"))


def test_pruning_never_touches_what_is_not_sealed(tmp_path):
    for step in (2, 4):
        make(tmp_path, step)
    half = make(tmp_path, 6, sealed=False)
    prune(tmp_path, 1)
    assert half.is_dir() and newest_step(tmp_path) == 4 and not step_folder(tmp_path, 2).exists()


def test_a_moved_folder_is_used(tmp_path):
    make(tmp_path / "old", 2)
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert use_newest(tmp_path / "new", print) == 2
