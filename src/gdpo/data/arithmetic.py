"""Arithmetic and algebra problems from reasoning-gym, split by a hash of the problem itself."""

import hashlib
import logging
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from gdpo.config.problems import ArithmeticProblems, ChainSum, Family, Split
from gdpo.data.shares import share_out
from gdpo.data.splits import SpentError, add_distinct, split_by_hash

log = logging.getLogger(__name__)

_SALT = "gdpo arithmetic split 1"
_GYM_CHUNK = 256


@dataclass(frozen=True)
class Problem:
    """One problem: its text (`12 + 30 - 4`, `x + 7 = 15`), its answer (a plain integer) and its family."""

    text: str
    answer: str
    family: str
    ability: str

    @property
    def id(self) -> str:
        """16 hexadecimal digits that depend on the problem's text alone, not on its spaces or its set."""
        return hashlib.sha256(f"arithmetic:{normalise(self.text)}".encode()).hexdigest()[:16]


def normalise(text: str) -> str:
    """Return the text without whitespace, in lower case: what makes two problems the same."""
    return re.sub(r"\s+", "", text).lower()


def split_of(text: str) -> Split:
    """Return the split that a problem belongs to, from a salted hash of its normalised text alone."""
    return split_by_hash(_SALT, normalise(text))


def make_problems(section: ArithmeticProblems) -> list[Problem]:
    """Return `section.size` different problems in a seeded order, all of `section.split`.

    Raises:
        ValueError: a family holds too few different problems for its share of the set.
    """
    problems = []
    for name, count in family_sizes(section.families, section.size).items():
        family = section.families[name]
        draws = stream(name, family, section.split, section.seed)
        problems += _distinct(draws, count, f"families.{name}", section.split)
    random.Random(section.seed).shuffle(problems)
    return problems


def problem_frame(name: str, problems: list[Problem], split: str) -> pd.DataFrame:
    """Return a problem set in veRL's columns, one row a problem; `name` becomes its data source."""
    return pd.DataFrame(
        [
            {
                "data_source": name,
                "prompt": [{"role": "user", "content": problem.text}],
                "ability": problem.ability,
                "reward_model": {
                    "style": "rule",
                    "ground_truth": [problem.answer],
                    "several": "any",
                    "answer_type": "integer",
                    "tolerance": None,
                    "unit": None,
                },
                "extra_info": {
                    "id": problem.id,
                    "index": i,
                    "split": split,
                    "family": problem.family,
                    "fingerprint": problem.id,
                },
            }
            for i, problem in enumerate(problems)
        ]
    )


def family_sizes(families: Mapping[str, Family], size: int) -> dict[str, int]:
    """Share `size` problems out by weight, largest remainders first; the counts add up to `size`."""
    return share_out(size, {name: family.weight for name, family in families.items()})


def stream(name: str, family: Family, split: Split, seed: int) -> Iterator[Problem]:
    """Yield problems of one family and split without end; the same one may come again."""
    import reasoning_gym  # 4 s of imports, needed by the data and model stages only

    # The gym seeds item i with seed + i, so neighbouring seeds would repeat each other's items.
    key = f"{name}:{split}:{seed}"
    gym_seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big")
    while True:
        for item in reasoning_gym.create_dataset(
            family.task, seed=gym_seed, size=_GYM_CHUNK, **_gym_options(family)
        ):
            problem = _problem(name, item)
            if split_of(problem.text) == split:
                yield problem
        gym_seed += _GYM_CHUNK


def _gym_options(family: Family) -> dict:
    if isinstance(family, ChainSum):
        return family.model_dump(exclude={"task", "weight"})
    # The gym gives x a coefficient if, and only if, multiplication is among the operators.
    operators, weights = (
        (("+", "-", "*"), [0.5, 0.5, 0.0]) if family.coefficient else (("+", "-"), [0.5, 0.5])
    )
    return {
        "min_terms": 2,
        "max_terms": 2,
        "min_value": family.min_value,
        "max_value": family.max_value,
        "operators": operators,
        "operators_weights": weights,
    }


def _problem(family: str, item: dict) -> Problem:
    details = item["metadata"]
    if "equation" in details:
        text = re.sub(rf"\b{details['variable']}\b", "x", details["equation"])
        return Problem(text, item["answer"], family, "algebra")
    return Problem(details["expression"], item["answer"], family, "arithmetic")


def _distinct(draws: Iterator[Problem], count: int, where: str, split: str) -> list[Problem]:
    found: dict[str, Problem] = {}
    try:
        add_distinct(found, count, ((problem.id, problem) for problem in draws))
    except SpentError as spent:
        raise ValueError(
            f"{where}: {count} different problems wanted, about {spent.count} exist in the {split} split; "
            "lower its weight or the set's size, or widen its difficulty"
        ) from None
    return list(found.values())
