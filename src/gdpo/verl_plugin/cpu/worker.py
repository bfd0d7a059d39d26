"""veRL's training worker on a CPU."""

import gc

import torch
from verl.workers.engine_workers import TrainingWorker


class CPUTrainingWorker(TrainingWorker):
    """The stock worker with a process group made before it makes its own.

    veRL asks for "cpu:gloo,<device>:<backend>", which torch refuses where the device is the CPU itself. A CPU
    run has one worker, so its group needs no server: torch's would listen on every network interface.
    """

    def __init__(self, config):
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group(
                backend="cpu:gloo", rank=0, world_size=1, store=torch.distributed.HashStore()
            )
        super().__init__(config)
        gc.freeze()  # what was imported is not looked through again
