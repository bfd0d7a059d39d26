"""Write ``params.value`` to the output as JSON."""

import json
from pathlib import Path
from typing import Any


def to_json(value: Any) -> str:
    """Stable, readable JSON."""
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(snakemake.output[0]).write_text(to_json(snakemake.params.value))
