"""Dynamic sampling by named rewards: which groups of responses a step keeps (``training.filter_groups``)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from statistics import fmean
from typing import Any

import transfer_queue as tq
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

from gdpo.verl_plugin.reward_columns import FAILURE

SAME = 1e-9
"""Sums that differ by less, relative to their terms, differ by rounding alone."""


def keeps(rule: bool | str, group: Sequence[Mapping[str, float]], weights: Mapping[str, float]) -> bool:
    """Whether a group teaches by the rule (after DAPO, arXiv 2503.14476, section 3.2).

    Args:
        rule: true: any reward varies; "all": every one does; "sum": their weighted sum does; else the name of
            the reward that must vary.
        group: the named rewards of each response.
        weights: each reward's weight.
    """
    if rule == "sum":
        # As the methods do: a reward without a value (not a number) neither gains nor loses.
        terms = [[weight * value for value in _deviations(name, group)] for name, weight in weights.items()]
        sums = [sum(each) for each in zip(*terms, strict=True)]
        scale = max(sum(map(abs, each)) for each in zip(*terms, strict=True))
        return max(sums) - min(sums) > SAME * scale
    # Not a number is no value: an optional reward's None.
    values = {name: {rewards[name] for rewards in group if not isnan(rewards[name])} for name in weights}
    varies = {name: len(found) > 1 for name, found in values.items()}
    if rule is True:
        return any(varies.values())
    return all(varies.values()) if rule == "all" else varies[rule]


def _deviations(name: str, group: Sequence[Mapping[str, float]]) -> list[float]:
    """A reward minus its group's mean, for each response."""
    values = [rewards[name] for rewards in group]
    known = [value for value in values if not isnan(value)]
    mean = fmean(known) if known else 0.0
    return [0.0 if isnan(value) else value - mean for value in values]


def too_few(rule: bool | str) -> str:
    """What to say where a step finds too few groups to keep."""
    sentences = {
        True: "no reward varies in enough groups",
        "all": "too few groups have no constant reward",
        "sum": "the rewards' weighted sum varies in too few groups",
    }
    return sentences.get(rule, f"reward {rule} varies in too few groups")


class GroupFilter(ReplayBuffer):
    """veRL's replay buffer of synchronous training, whose filter reads every named reward instead of one.

    Args:
        rule: see :func:`keeps`.
        weights: each reward's weight.
        settings: what veRL's buffer takes.
    """

    def __init__(self, rule: bool | str, weights: Mapping[str, float], **settings: Any):
        super().__init__(filter_groups_metric="named rewards", **settings)  # not none: it filters
        self._rule, self._weights = rule, weights
        self.constant: Counter[str] = Counter()
        """Reward -> dropped groups in which it did not vary."""

    def _dapo_filtered_keys(self, partition_id: str) -> tuple[set[str], Counter]:
        """Finished groups that the rule drops; no breakdown by a value, which several rewards do not have."""
        if partition_id == "val":
            return set(), Counter()
        finished, known = self.finished_keys[partition_id], self._dapo_classification_cache[partition_id]
        for uid in known.keys() - finished:
            del known[uid]
        for uid, group in self._rewards(partition_id, finished - known.keys()).items():
            # What failed, or lost a response, goes on to the trainer, which raises it.
            whole = len(group) > 1 and not any(FAILURE in rewards for rewards in group)
            known[uid] = whole and not keeps(self._rule, group, self._weights)
            if known[uid]:
                self.constant.update(name for name in self._weights if not keeps(name, group, self._weights))
        return {uid for uid in finished if known.get(uid)}, Counter()

    def _rewards(self, partition_id: str, uids: Iterable[str]) -> dict[str, list[Mapping[str, float]]]:
        """Prompt -> the named rewards of its responses."""
        wanted, groups = set(uids), defaultdict(list)
        keys = [key for key in self.partitions[partition_id] if key.split("_")[0] in wanted]
        if keys:
            data = tq.kv_batch_get(keys=keys, partition_id=partition_id, select_fields=["extra_fields"])
            for key, fields in zip(keys, data.pop("extra_fields").tolist(), strict=True):
                groups[key.split("_")[0]].append(fields["reward_extra_info"])
        return groups
