"""Register the CPU platform now, and engine and worker once veRL has imported what they extend."""

from gdpo.verl_plugin.after_import import after_import
from gdpo.verl_plugin.cpu import platform  # noqa: F401 - registers platform "cpu"


def _engine() -> None:
    import gdpo.verl_plugin.cpu.engine  # noqa: F401 - registers the FSDP engine for device cpu


def _worker() -> None:
    from verl.workers.engine_workers import ActorRolloutRefWorker

    from gdpo.verl_plugin.cpu.worker import CPUTrainingWorker

    # veRL's own override point: trainers name ActorRolloutRefWorker, which makes what these two name.
    ActorRolloutRefWorker.actor_worker_cls = CPUTrainingWorker
    ActorRolloutRefWorker.ref_worker_cls = CPUTrainingWorker


after_import("verl.workers.engine", _engine)
after_import("verl.workers.engine_workers", _worker)
