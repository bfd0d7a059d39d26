"""Multi-reward RL of reasoning models: GRPO, GDPO and DGDO, from data to paper tables.

Import the room you need (``gdpo.advantage``, ``gdpo.rewards``, ``gdpo.config``, ...); this package itself
imports nothing, so that a worker process pays only for what it uses.
"""
