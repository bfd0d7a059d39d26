"""Run veRL's trainer in this process. Started by :mod:`gdpo.verl_plugin.launch`, which sets its environment.

    python -m gdpo.verl_plugin.main KEY=VALUE ...    (veRL's hydra overrides)

veRL's own entry point makes a Ray actor for the trainer; run here it saves a process that would import all of
veRL once more, and the run ends when this process does.
"""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import ray

from gdpo.cluster.machine_lock import machine_lock

START_ATTEMPTS = 5


def start_ray() -> None:
    """A private Ray for this run, or the cluster that ``RAY_ADDRESS`` names.

    Environment variables reach the workers by inheritance: a Ray runtime environment would make Ray start
    each worker anew.
    """
    if "RAY_ADDRESS" in os.environ:
        return  # veRL connects, with a runtime environment for the other nodes
    settings: dict[str, Any] = json.loads(os.environ["GDPO_RAY_INIT"])
    # Ray gives its daemons 30 s to start, which is too little for two runs that start at once on two cores.
    with machine_lock("ray"):
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                ray.init(address="local", include_dashboard=False, **settings)
                return
            except Exception as error:  # Ray raises a bare Exception here
                if "timed out during startup" not in str(error) or attempt == START_ATTEMPTS:
                    raise
                ray.shutdown()


def start_servers(overrides: list[str]) -> list[ray.actor.ActorHandle]:
    """The rollout servers, begun while this process imports veRL: they import for seconds too.

    veRL finds them by name. Keep the handles: a server ends with its last one.
    """
    from gdpo.verl_plugin.rollout.server import start_server

    values = dict(override.lstrip("+").split("=", 1) for override in overrides)
    if values["actor_rollout_ref.rollout.name"] != "gdpo_hf" or "RAY_ADDRESS" in os.environ:
        return []
    model, dtype = (
        values["actor_rollout_ref.model.path"].strip('"'),
        values["actor_rollout_ref.rollout.dtype"],
    )
    count = int(values["trainer.n_gpus_per_node"])
    gpus = [None] * count
    if values["trainer.device"] == "cuda":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        gpus = (visible.split(",") if visible else [str(index) for index in range(count)])[:count]
    return [start_server(rank, model, dtype, gpu) for rank, gpu in enumerate(gpus)]


class InProcessTaskRunner:
    """Stands where veRL expects a Ray actor class; ``remote().run.remote(config)`` runs in this process."""

    class _Run:
        @staticmethod
        def remote(config: Any) -> ray.ObjectRef:
            from verl.trainer.main_ppo import TaskRunnerV1

            return ray.put(TaskRunnerV1.__ray_metadata__.modified_class().run(config))

    run = _Run

    @classmethod
    def remote(cls) -> type["InProcessTaskRunner"]:
        """veRL makes its actor with this."""
        return cls


def start_queue(config: Any) -> None:
    """TransferQueue's processes, begun while this process imports the trainer; veRL then finds them."""
    import transfer_queue

    if ray.is_initialized():  # else veRL connects first
        transfer_queue.init(config.transfer_queue)


def main(overrides: list[str], connect: Callable[[], object] = start_ray) -> None:
    """Compose veRL's config with ``overrides`` and train, on the Ray that ``connect`` starts or finds."""
    with ThreadPoolExecutor(1) as beside:
        imported = beside.submit(import_module, "verl.trainer.ppo.v1")
        # In this thread: Ray's daemons are killed when the thread that started them ends.
        connect()
        servers = start_servers(overrides)
        from hydra import compose, initialize_config_module

        with initialize_config_module("verl.trainer.config", version_base=None):
            config = compose("ppo_trainer", overrides)
        start_queue(config)
        imported.result()
    from verl.trainer.main_ppo import run_ppo
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    validate_config(config, need_reference_policy(config), need_critic(config))
    try:
        run_ppo(config, InProcessTaskRunner)
    finally:
        del servers
        ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
