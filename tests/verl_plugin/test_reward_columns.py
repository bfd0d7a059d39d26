"""Named rewards on their way through veRL."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpo.verl_plugin.reward_columns import VECTOR, reward_columns, reward_extra_info

VALUES = st.sampled_from([0.0, 0.5, 1.0])


@given(st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=64))
def test_verls_filter_drops_a_group_only_if_no_reward_varies(group):
    # veRL's own criterion, on the scalar that we give it: np.std of the group's values is exactly 0.
    scalars = [reward_extra_info({"correctness": c, "length": n})[VECTOR] for c, n in group]
    assert (float(np.std(scalars)) == 0.0) == (len(set(group)) == 1)


def test_columns_are_matched_by_name_not_by_position():
    extra = [
        {"reward_extra_info": {"length": 1.0, "correctness": 0.0}},
        {"reward_extra_info": {"correctness": 0.5, "length": 0.25}},
    ]
    columns = reward_columns(extra, ["correctness", "length"])
    assert columns["correctness"].tolist() == [0.0, 0.5]
    assert columns["length"].tolist() == [1.0, 0.25]


def test_a_missing_reward_is_an_error():
    with pytest.raises(KeyError, match="length"):
        reward_columns([{"reward_extra_info": {"correctness": 1.0}}], ["correctness", "length"])
