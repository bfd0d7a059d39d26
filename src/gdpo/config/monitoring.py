"""The monitoring section: where metrics are sent while a run trains."""

from typing import Literal

from gdpo.config.base import Section


class MonitoringConfig(Section):
    """What is sent where while a run trains. Not part of any result: changing it reruns nothing."""

    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """Weights & Biases; auto: online where WANDB_API_KEY is set, else offline, for `wandb sync` later."""
