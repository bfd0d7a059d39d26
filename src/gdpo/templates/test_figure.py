"""NAME draws the numbers of the tables; run it with pytest."""

from pathlib import Path

import pandas as pd

from gdpo.plugins import FIGURES
from gdpo.plugins.loading import load

ROWS = [("grpo", "easy", 0.5), ("gdpo", "easy", 0.75), ("grpo", "hard", 0.25), ("gdpo", "hard", 0.125)]


def test_NAME_draws_a_bar_for_each_arm_and_benchmark(tmp_path):
    load([str(Path(__file__).with_name("NAME.py"))])  # as a study does
    arms = pd.DataFrame(
        [
            {
                "arm": arm,
                "method": arm,
                "start": "toy",
                "benchmark": benchmark,
                "accuracy": value,
                "accuracy_low": value - 0.1,
                "accuracy_high": value + 0.1,
            }
            for arm, benchmark, value in ROWS
        ]
    )
    drawn = FIGURES["NAME"].function(arms)
    heights = sorted(bar.get_height() for bar in drawn.axes[0].patches)
    assert heights == [0.125, 0.25, 0.5, 0.75]
    drawn.savefig(tmp_path / "NAME.pdf")
