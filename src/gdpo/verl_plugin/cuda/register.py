"""Put our attention and cross entropy in flash-attn's place once veRL has imported what asks for it."""

from gdpo.verl_plugin.after_import import after_import


def _attention() -> None:
    import gdpo.verl_plugin.cuda.varlen_attention  # noqa: F401 - registers it with transformers


def _cross_entropy() -> None:
    from verl.utils import torch_functional

    from gdpo.verl_plugin.cuda.cross_entropy import cross_entropy

    # Without flash-attn's veRL computes each token's log-probability in a Python loop, in bfloat16.
    torch_functional.cross_entropy_loss = cross_entropy
    torch_functional.FLAH_ATTN_CROSS_ENTROPY_LOSS_AVAILABLE = True


after_import("verl.workers.engine", _attention)
after_import("verl.utils.torch_functional", _cross_entropy)
