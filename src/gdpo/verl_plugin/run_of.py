"""The run that veRL's config belongs to, with its plug-ins: the same in every process of a training."""

from omegaconf import DictConfig

from gdpo.config.run import RunConfig, load_run_config
from gdpo.plugins.loading import load


def run_of(config: DictConfig) -> RunConfig:
    """Load the run's plug-ins and its resolved config.

    By veRL's config and not by the environment: a Ray cluster that others made has its own.

    Raises:
        gdpo.plugins.PluginError: a plug-in cannot be loaded here.
        ValueError: see :func:`gdpo.config.run.load_run_config`.
    """
    load(list(config.gdpo.get("plugins", [])))
    return load_run_config(config.gdpo.run_config, list(config.gdpo.get("same_code", [])))
