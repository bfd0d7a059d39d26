"""The paper's repositories on a hub of this machine, and a copy of the workflow that asks it."""

from hub_fixtures import clone, hub  # noqa: F401 - fixtures
