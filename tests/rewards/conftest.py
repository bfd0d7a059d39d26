"""A function of a test's own as a reward."""

import pytest

from gdpo.plugins import REWARDS, reward


@pytest.fixture
def brought():
    """Registers functions for one test."""
    before = set(REWARDS)
    yield reward
    for name in set(REWARDS) - before:
        del REWARDS[name]
