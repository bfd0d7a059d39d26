"""Files that appear whole or not at all."""

import pytest

from gdpo.whole_file import whole_file, write_text


def test_an_error_keeps_the_old_content_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "a" / "t.csv"
    write_text(target, "old")
    with pytest.raises(ZeroDivisionError), whole_file(target) as partial:
        partial.write_text("half")
        assert target.read_text() == "old"
        1 / 0  # noqa: B018
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["t.csv"]


def test_the_partial_name_keeps_the_suffix(tmp_path):
    with whole_file(tmp_path / "f.png") as partial:
        assert partial.suffix == ".png" and partial.parent == tmp_path
        partial.write_bytes(b"x")
    assert (tmp_path / "f.png").read_bytes() == b"x"
