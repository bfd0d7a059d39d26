"""Where veRL's trainer and vLLM's workers meet for new weights: in the training's own folder.

veRL 0.9.1's sockets are ``/tmp/rl-colocate-zmq-<Ray job>-replica-<rank>-rank-<rank>.sock``, and the job of
every private Ray has the same number: of two trainings on one node, one got the other's weights.
"""

import tempfile

SHARED = "ipc:///tmp/"
"""Begin of veRL's addresses."""


def in_own_folder(address: str) -> str:
    """veRL's address of a socket, moved into the training's temporary folder (``TMPDIR``)."""
    if not address.startswith(SHARED):
        raise ValueError(f"{address}: veRL's weight sockets are expected at {SHARED}...; another veRL?")
    return f"ipc://{tempfile.gettempdir()}/{address.removeprefix(SHARED)}"


def move_sender() -> None:
    """The trainer's side; call it once veRL's module is imported."""
    from verl.workers.rollout.vllm_rollout.vllm_rollout import ServerAdapter

    theirs = ServerAdapter.__init__

    def init(adapter, *args, **kwargs):
        theirs(adapter, *args, **kwargs)
        adapter.zmq_handle = in_own_folder(adapter.zmq_handle)

    ServerAdapter.__init__ = init


def move_receiver() -> None:
    """vLLM's side, in each of its workers; call it once veRL's module is imported."""
    from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

    theirs = vLLMColocateWorkerExtension._get_zmq_handle
    vLLMColocateWorkerExtension._get_zmq_handle = lambda worker: in_own_folder(theirs(worker))
