"""veRL's training worker on a CPU."""

import os

import torch
from verl.workers.engine_workers import TrainingWorker


class CPUTrainingWorker(TrainingWorker):
    """The stock worker with a process group made before it makes its own.

    veRL asks for "cpu:gloo,<device>:<backend>", which torch refuses where the device is the CPU itself.
    """

    def __init__(self, config):
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group(
                backend="cpu:gloo",
                rank=int(os.environ.get("RANK", 0)),
                world_size=int(os.environ.get("WORLD_SIZE", 1)),
                init_method=os.environ.get("DIST_INIT_METHOD"),
            )
        super().__init__(config)
