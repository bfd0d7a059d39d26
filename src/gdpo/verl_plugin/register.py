"""Loaded by veRL (``VERL_USE_EXTERNAL_MODULES=gdpo.verl_plugin.register``) in every process that imports it.

veRL imports this at the end of its own ``__init__``, so it must stay light: what needs veRL's heavy modules
is registered when veRL itself has imported them.
"""

import os

from gdpo.verl_plugin.after_import import after_import
from gdpo.verl_plugin.weight_sockets import move_receiver, move_sender


def _trainer() -> None:
    import gdpo.verl_plugin.trainer  # noqa: F401 - registers the trainer


def _rollout() -> None:
    from gdpo.verl_plugin.rollout.replica import register_rollout

    register_rollout()


def _adapters() -> None:
    from gdpo.verl_plugin.lora import seed_adapters

    seed_adapters()


after_import("verl.trainer.ppo.v1", _trainer)
after_import("verl.workers.engine.fsdp.transformer_impl", _adapters)
after_import("verl.workers.rollout.replica", _rollout)
after_import("verl.workers.rollout.vllm_rollout.vllm_rollout", move_sender)
after_import("verl.workers.rollout.vllm_rollout.utils", move_receiver)

if os.environ.get("VERL_PLATFORM") == "cpu":
    import gdpo.verl_plugin.cpu.register  # noqa: F401 - platform, engine, worker
else:
    import gdpo.verl_plugin.cuda.register  # noqa: F401 - attention and cross entropy without flash-attn
