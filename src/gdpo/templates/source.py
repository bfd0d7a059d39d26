"""A source of problems of your own: rows that a function makes, or fetches from anywhere.

In the experiment:

    plugins: [FILE]
    datasets:
      NAME:
        licence: own
        made: {source: NAME, options: {size: 1000, seed: 1}}
    problems:
      benchmarks:
        NAME: {source: datasets, datasets: [NAME]}
"""

import random
from collections.abc import Iterator

from pydantic import NonNegativeInt, PositiveInt

from gdpo.plugins import source


# Options come after a *, each with a type. The rows are made once; other code or options make them again.
@source
def NAME(*, size: PositiveInt = 100, largest: PositiveInt = 99, seed: NonNegativeInt = 1) -> Iterator[dict]:
    """Remainders of products, at most ``size`` different ones; a dict a row, the same for equal options."""
    draw = random.Random(seed)  # of its own, so that nothing else moves it
    seen = set()
    for _ in range(size):
        a, b, m = draw.randint(2, largest), draw.randint(2, largest), draw.randint(2, 20)
        if (a, b, m) not in seen:
            seen.add((a, b, m))
            # problem and answer are needed; any other column can be named under columns of the dataset.
            yield {"problem": f"What is the remainder of {a} * {b} divided by {m}?", "answer": a * b % m}
