"""The delivered form against veRL's own conversion."""

import pytest
import torch

from gdpo.advantage import AdvantageError, broadcast_nested


def test_each_row_repeats_its_advantage():
    nested = broadcast_nested(torch.tensor([0.5, -1.0, 2.0]), torch.tensor([2, 0, 3]))
    assert [row.tolist() for row in nested.unbind()] == [[0.5, 0.5], [], [2.0, 2.0, 2.0]]
    assert nested.dtype == torch.float32 and nested.layout == torch.jagged


def test_same_as_verl_response_to_nested():
    padding = pytest.importorskip("verl.workers.utils.padding")
    lengths = torch.tensor([3, 1, 5])
    mask = torch.nested.as_nested_tensor([torch.ones(n) for n in lengths], layout=torch.jagged)
    advantages = torch.tensor([1.5, -2.0, 0.25])
    theirs = padding.response_to_nested(advantages.unsqueeze(1).expand(3, 5), mask)
    ours = broadcast_nested(advantages, lengths)
    assert torch.equal(ours.values(), theirs.values())
    assert torch.equal(ours.offsets(), theirs.offsets())


@pytest.mark.parametrize("lengths", [torch.tensor([1]), torch.tensor([1, -1]), torch.tensor([1.0, 2.0])])
def test_wrong_lengths_are_refused(lengths):
    with pytest.raises(AdvantageError, match="lengths"):
        broadcast_nested(torch.tensor([1.0, 2.0]), lengths)
