"""PyTorch's varlen attention in plain PyTorch, for machines without a GPU."""

import torch


def plain_varlen_attn(
    query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale=None, window_size=(-1, -1), enable_gqa=True
):
    """What PyTorch says of its kernel, sequence by sequence and with all scores written out."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32 and query.dtype == key.dtype == value.dtype
    assert max_q == int(cu_seq_q.diff().max()) and max_k == int(cu_seq_k.diff().max())
    left, right = window_size
    outputs = []
    for begin, end in zip(cu_seq_q.tolist(), cu_seq_q.tolist()[1:], strict=False):
        group = query.shape[1] // key.shape[1]
        q, k, v = (states[begin:end].transpose(0, 1) for states in (query, key, value))
        k, v = k.repeat_interleave(group, 0), v.repeat_interleave(group, 0)
        ahead = torch.arange(end - begin)[None, :] - torch.arange(end - begin)[:, None]
        seen = (ahead <= right if right >= 0 else True) & (ahead >= -left if left >= 0 else ahead == ahead)
        scores = (q @ k.transpose(1, 2) * (scale or q.shape[-1] ** -0.5)).masked_fill(~seen, -torch.inf)
        outputs.append((scores.softmax(-1) @ v).transpose(0, 1))
    return torch.cat(outputs)
