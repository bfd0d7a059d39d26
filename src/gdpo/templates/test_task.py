"""NAME makes problems of rows, and leaves out those it cannot use; run it with pytest."""

from pathlib import Path

import pytest

from gdpo.plugins import GRADERS, TASKS
from gdpo.plugins.loading import load
from gdpo.tasks import Row, RowError


@pytest.fixture
def asks():
    load([str(Path(__file__).with_name("NAME.py"))])  # as a study does
    return TASKS["NAME"].function


def test_NAME_asks_about_the_text(asks):
    asked = asks(Row("Who sat?", "the cat", context="The cat sat."))
    assert [message["role"] for message in asked.messages] == ["system", "user"]
    assert asked.messages[-1]["content"] == "The cat sat.\n\nWho sat?"
    assert asked.answers == ["the cat"] and TASKS["NAME"].grader in GRADERS


@pytest.mark.parametrize("row", [Row("", "the cat"), Row("Who sat?", None)])
def test_NAME_leaves_out_what_it_cannot_ask(asks, row):
    with pytest.raises(RowError, match="no question or no answer"):
        asks(row)
