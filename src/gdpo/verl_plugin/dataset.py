"""Prompts of a run: veRL's dataset, with those that are too long counted by id (``data.custom_cls``)."""

import json
from pathlib import Path

import datasets
from verl.utils.dataset.rl_dataset import RLHFDataset

from gdpo.whole_file import write_text


class CountedPrompts(RLHFDataset):
    """Leaves out prompts longer than ``data.max_prompt_length`` tokens, and writes which ones.

    The ids go to ``<data.overlong_prompts>/overlong_<name of the data file>.json``.

    Raises:
        ValueError: no prompt is short enough.
    """

    def maybe_filter_out_long_prompts(self, dataframe: datasets.Dataset) -> datasets.Dataset:
        """veRL's filter, between two looks at the ids."""
        before = [info["id"] for info in dataframe["extra_info"]]
        kept = super().maybe_filter_out_long_prompts(dataframe)
        name, limit = Path(self.data_files[0]).stem, self.max_prompt_length
        if not len(kept):
            raise ValueError(
                f"{name}: all {len(before)} prompts exceed {limit} tokens (training.max_prompt_length)"
            )
        short = {info["id"] for info in kept["extra_info"]}
        left_out = [id for id in before if id not in short]
        print(f"{name}: {len(left_out)} of {len(before)} prompts are longer than {limit} tokens")
        found = {"limit": limit, "prompts": len(before), "left_out": left_out}
        folder = Path(self.config.overlong_prompts)
        write_text(folder / f"overlong_{name}.json", json.dumps(found, indent=2) + "\n")
        return kept
