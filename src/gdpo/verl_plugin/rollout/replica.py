"""veRL's side of the transformers server in ``server.py``."""

import os

from verl.workers.rollout.base import _ROLLOUT_REGISTRY
from verl.workers.rollout.replica import RolloutReplicaRegistry

from gdpo.verl_plugin.rollout.server import server_name, start_server

NAME = "gdpo_hf"


def _replica_class():
    """Build the replica class where veRL asks for it, so that importing this module stays cheap."""
    from verl.workers.rollout.replica import RolloutMode, RolloutReplica

    class TransformersReplica(RolloutReplica):
        """One server actor a replica, beside the training worker and with its own copy of the weights."""

        async def launch_servers(self):
            if self.rollout_mode != RolloutMode.HYBRID:
                raise NotImplementedError(
                    f"{NAME} shares its machine with the trainer; {self.rollout_mode} asked"
                )
            server = start_server(self.replica_rank, self.model_config.path, self.config.dtype)
            self.servers = [server]
            self._server_handle = server
            self._server_address = server_name(self.replica_rank)

    return TransformersReplica


def __getattr__(name: str):
    if name != "ServerAdapter":
        raise AttributeError(name)
    import ray
    from verl.workers.rollout.base import BaseRollout

    class ServerAdapter(BaseRollout):
        """What the training worker holds of its rollout server: it sends new weights and nothing else."""

        def __init__(self, config, model_config, device_mesh=None, replica_rank: int = -1, *args, **kwargs):
            super().__init__(config, model_config, device_mesh)
            self._name = server_name(int(os.environ["RANK"]) if replica_rank == -1 else replica_rank)

        async def resume(self, tags):
            pass

        async def release(self):
            pass

        async def update_weights(self, weights, global_steps=None, wire_format="named_tensors", **kwargs):
            if wire_format != "named_tensors":
                raise NotImplementedError(f"{NAME} takes named tensors, not {wire_format}")
            state = {name: tensor.detach().cpu() for name, tensor in weights}
            await ray.get_actor(self._name).load_weights.remote([ray.put(state)], global_steps)

    globals()["ServerAdapter"] = ServerAdapter
    return ServerAdapter


def register_rollout() -> None:
    """Make ``actor_rollout_ref.rollout.name=gdpo_hf`` known to veRL."""
    RolloutReplicaRegistry.register(NAME, _replica_class)
    _ROLLOUT_REGISTRY[(NAME, "async")] = f"{__name__}.ServerAdapter"
