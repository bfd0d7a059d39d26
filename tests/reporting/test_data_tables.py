"""The data tables: every row once, counts that add up."""

import pandas as pd

from gdpo.data.decontamination import MATCHES
from gdpo.reporting.data_tables import data_page, data_rows, decontamination_page, decontamination_table

DATASETS = [
    {
        "dataset": "math",
        "origin": "math.json",
        "licence": "MIT",
        "read": 20,
        "kept": 4,
        "notes": [{"row": row, "what": "left out", "reason": "no answer"} for row in range(14)]
        + [{"row": 15, "what": "left out", "reason": "the same problem as row 3"}]
        + [{"row": 16, "what": "left out", "reason": "the same problem as row 4"}]
        + [{"row": 17, "what": "changed", "reason": "leading zeros removed"}],
    }
]
SETS = [
    {"name": "train", "read": 4, "kept": 2, "not_needed": 1, "left_out": [{"id": "math-1", "reason": "long"}]}
]


def test_all_rows_are_in_the_csv_and_counted_on_the_page():
    rows = data_rows(DATASETS, SETS)
    assert (
        rows["row"].tolist()[-1] == "math-1" and len(rows) == 18 and (rows["what"] == "left out").sum() == 17
    )
    first, second = data_page(DATASETS, SETS, rows).shown.to_dict("records")
    assert "14 no answer (0, 1, 2, " in first["left out"] and ", ...)" in first["left out"]
    assert "2 the same problem as another (15, 16)" in first["left out"]
    assert first["changed"] == "1 leading zeros removed (17)"
    assert (second["kept"], second["not needed"], second["left out"]) == (2, 1, "1 long")


def test_decontamination_counts_problems_once():
    rows = [
        ("t1", "b", "b1", 1.0, True, "exact", True),
        ("t1", "b", "b2", 0.9, False, "near", True),
        ("t2", "b", "b1", 0.7, True, "near", True),
        ("t3", "b", "b1", 0.55, False, "near", False),
    ]
    table = decontamination_table(pd.DataFrame(rows, columns=MATCHES), ["b", "c"])
    assert table.values.tolist() == [["b", 1, 3, 1, 2, 2], ["c", 0, 0, 0, 0, 0]]
    thresholds = {"listed": 0.5, "threshold": 0.8, "threshold_same_answer": 0.6, "reason": "Because."}
    assert "removed from 0.8" in decontamination_page(table, thresholds).note
    assert "not decontaminated" in decontamination_page(table, {}).note
