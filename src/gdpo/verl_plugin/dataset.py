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
        """Leave out as veRL does, and note the ids.

        veRL's own filters with a function that `datasets` hashes with all that it refers to, for a second.
        """
        ids = [info["id"] for info in dataframe["extra_info"]]
        rendered = self.tokenizer.apply_chat_template(
            list(dataframe[self.prompt_key]),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
            **self.apply_chat_template_kwargs,
        )
        short = [row for row, tokens in enumerate(rendered) if len(tokens) <= self.max_prompt_length]
        kept = dataframe.select(short)
        name, limit = Path(self.data_files[0]).stem, self.max_prompt_length
        if not len(kept):
            raise ValueError(
                f"{name}: all {len(ids)} prompts exceed {limit} tokens (training.max_prompt_length)"
            )
        left_out = sorted(set(range(len(ids))).difference(short))
        print(f"{name}: {len(left_out)} of {len(ids)} prompts are longer than {limit} tokens")
        found = {"limit": limit, "prompts": len(ids), "left_out": [ids[row] for row in left_out]}
        folder = Path(self.config.overlong_prompts)
        write_text(folder / f"overlong_{name}.json", json.dumps(found, indent=2) + "\n")
        return kept
