"""The run's method on one batch: what goes wrong in a plug-in's is one sentence with file and line."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial, update_wrapper

import torch

from gdpo.advantage import AdvantageError, Estimate, estimate
from gdpo.config.run import RunConfig
from gdpo.plugins import METHODS
from gdpo.plugins.calling import call, seconds_allowed
from gdpo.plugins.registry import Place
from gdpo.plugins.time_limit import TimeLimit


def advantages(
    run: RunConfig,
    rewards: Mapping[str, torch.Tensor],
    groups: Sequence[Hashable],
    state: Mapping | None,
    lengths: torch.Tensor,
) -> Estimate:
    """:func:`gdpo.advantage.estimate` with a run's method and settings.

    Args:
        run: the run.
        rewards: FloatTensor[N] by reward name.
        groups: N ids.
        state: what the last step returned.
        lengths: LongTensor[N], valid response tokens.

    Raises:
        AdvantageError: the batch is refused, or the method raises, hangs, or gives no step.
    """
    settings = {"config": run.estimator_config(), "state": state, "lengths": lengths}
    # Called so, an error's place is looked for in the method's own file.
    step = update_wrapper(
        partial(estimate, run.method, rewards, groups, **settings), METHODS[run.method].function
    )
    limit = TimeLimit(seconds_allowed())

    def error(what: str, place: Place) -> AdvantageError:
        return AdvantageError(f"method {run.method} {what}; mend {place}")

    try:
        with limit.calls():
            return call(limit, error, step)
    except AdvantageError as found:
        if isinstance(found.__cause__, AdvantageError):
            raise found.__cause__ from None  # it says by itself what is wrong with the batch
        raise
