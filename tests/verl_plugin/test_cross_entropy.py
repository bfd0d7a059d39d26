"""Cross entropy in flash-attn's place against PyTorch's log-softmax in float64."""

import pytest
import torch

from gdpo.verl_plugin.cuda.cross_entropy import ROWS, cross_entropy


@pytest.fixture
def data():
    """Logits, labels and a gradient of each token's loss, of more than two parts."""
    generator = torch.Generator().manual_seed(0)
    tokens = 2 * ROWS + 3
    logits = torch.randn(tokens, 50, generator=generator) * 8
    return logits, torch.randint(50, (tokens,), generator=generator), torch.randn(tokens, generator=generator)


def truth(logits, labels, weights):
    """Losses and the logits' gradient, in float64."""
    exact = logits.detach().double().requires_grad_()
    losses = -exact.log_softmax(-1)[torch.arange(len(labels)), labels]
    (losses * weights.double()).sum().backward()
    return losses.detach(), exact.grad


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 2**-8)])
def test_losses_and_gradients_are_those_of_log_softmax(data, dtype, tolerance, inplace):
    logits, labels, weights = data
    leaf = logits.to(dtype).requires_grad_()
    losses, gradient = truth(leaf, labels, weights)

    found, z_loss = cross_entropy(leaf * 1, labels, inplace_backward=inplace)
    (found * weights).sum().backward()

    assert z_loss is None and found.dtype == torch.float32 and leaf.grad.dtype == dtype
    torch.testing.assert_close(found.detach().double(), losses, rtol=1e-6, atol=1e-5)  # whatever the dtype
    torch.testing.assert_close(leaf.grad.double(), gradient, rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("inplace", [False, True])
def test_only_where_it_may_is_the_gradient_written_into_the_logits(data, inplace):
    logits, labels, _ = data
    scores = logits.clone().requires_grad_() * 1
    memory = []
    scores.register_hook(lambda gradient: memory.append(gradient.data_ptr()))
    before = scores.detach().clone()
    cross_entropy(scores, labels, inplace_backward=inplace)[0].sum().backward()
    assert torch.equal(scores.detach(), before) is not inplace
    assert (memory == [scores.data_ptr()]) is inplace


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]])
    found, _ = cross_entropy(logits, torch.tensor([0, 2]))
    # float32 has steps of 0.001 at 10,000.
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0986]), rtol=0, atol=1e-3)
