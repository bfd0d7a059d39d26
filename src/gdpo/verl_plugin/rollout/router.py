"""The request router of a run with batched rollouts (veRL: ``rollout.router_config_path``).

veRL's own router is an actor whose process imports all of veRL, some eight CPU-seconds at every start. The
batched agent loop asks its servers directly; this class only answers veRL where it asks for a router.
"""

from collections.abc import Mapping
from typing import Any


class FixedRouter:
    """Sends every request to the first server."""

    def __init__(self, servers: Mapping[str, Any], config: Mapping[str, Any]):
        self._servers = dict(servers)

    def require_acquire_fields(self) -> list[str]:
        """No field of a request matters for routing."""
        return []

    def require_release_fields(self) -> list[str]:
        """Nothing is counted, so nothing is released."""
        return []

    def acquire_server(self, request_id: str, **extra: Any) -> tuple[str, Any]:
        """The server for a request: ``(address, actor handle)``."""
        return next(iter(self._servers.items()))

    def release_server(self, server_id: str, **extra: Any) -> None:
        """Nothing to release."""
