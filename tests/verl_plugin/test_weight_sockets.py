"""Where veRL's trainer and vLLM's workers meet: in the training's own folder, on a short enough path."""

import tempfile
import uuid
from pathlib import Path

import pytest
import zmq

from gdpo.verl_plugin import launch
from gdpo.verl_plugin.weight_sockets import in_own_folder

THEIRS = "ipc:///tmp/rl-colocate-zmq-01000000-replica-12-rank-7.sock"


@pytest.fixture
def run_folder(monkeypatch):
    """The temporary folder that a training sets for its processes."""
    with launch._scratch_folder() as scratch:
        folder = launch._temporary_folder(scratch)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


def test_the_socket_is_in_the_runs_folder_and_binds_there(run_folder):
    address = in_own_folder(THEIRS)
    assert Path(address.removeprefix("ipc://")).parent == run_folder
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.bind(address)  # fails where the path is longer than a socket's may be
        assert Path(address.removeprefix("ipc://")).is_socket()


def test_vllms_own_sockets_fit_as_well(run_folder):
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.bind(f"ipc://{run_folder}/{uuid.uuid4()}")


def test_two_runs_have_two_sockets(run_folder, monkeypatch):
    first = in_own_folder(THEIRS)
    with launch._scratch_folder() as scratch:
        monkeypatch.setattr(tempfile, "tempdir", str(launch._temporary_folder(scratch)))
        assert in_own_folder(THEIRS) != first


def test_another_verl_is_told_apart():
    with pytest.raises(ValueError, match="another veRL"):
        in_own_folder("ipc:///run/user/0/rl.sock")
