"""Write ``params.value`` to the output as JSON."""

import json
from typing import Any

from gdpo.whole_file import write_text


def to_json(value: Any) -> str:
    """Stable, readable JSON."""
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    write_text(snakemake.output[0], to_json(snakemake.params.value))
