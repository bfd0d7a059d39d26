"""What the machine can do: the rate of one large matrix product."""

import statistics
import time

import torch


def measured_rate(threads: int = 1, repeats: int = 10) -> float:
    """FLOP/s of a large matrix product: bf16 on a GPU where there is one, else fp32 on CPU threads."""
    on_gpu = torch.cuda.is_available()
    size, device, dtype = (8192, "cuda", torch.bfloat16) if on_gpu else (1024, "cpu", torch.float32)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        left @ right
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    torch.set_num_threads(before)
    return 2 * size**3 / statistics.median(seconds[3:])
