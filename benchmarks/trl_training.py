"""TRL's GRPOTrainer on the work of `trainings.py`; started by it, in the environment of .venv/peers.

    python trl_training.py FOLDER STEPS PROMPTS RESPONSES LENGTH

Writes a line to FOLDER/steps.jsonl when a step has ended. TRL decodes with transformers' `generate`, all
responses of a step at once, and computes no log-probabilities for the sampling policy where it is on-policy.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from datasets import Dataset
from trainings import REWARDS
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from gdpo.config.rewards import RewardsConfig
from gdpo.rewards import Scorer
from gdpo.tasks import Gold, Problem


class StepRecorder(TrainerCallback):
    """A line for each step."""

    def __init__(self, path: Path):
        self._file = path.open("w", buffering=1)

    def on_log(self, args, state, control, logs=None, **kwargs):
        """TRL logs each step after its optimizer step."""
        if logs and "completions/mean_length" in logs:
            print(
                json.dumps({"data": {"response_length/mean": logs["completions/mean_length"]}}),
                file=self._file,
            )


def main(folder: Path, steps: int, prompts: int, responses: int, length: int) -> None:
    """Train."""
    frame = pd.read_parquet(folder / "train.parquet")
    problems = [
        {"prompt": list(row["prompt"]), "gold": row["reward_model"]} for row in frame.to_dict("records")
    ]
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    specs = RewardsConfig.model_validate({"rewards": REWARDS}).specs()
    scorer = Scorer(specs)

    def reward(name):
        def function(completions, completion_ids, gold, **kwargs):
            texts = [message[0]["content"] for message in completions]
            found = scorer(
                texts, completion_ids, [Problem(str(i), [], Gold.of(g), {}) for i, g in enumerate(gold)]
            )
            return [row[name] for row in found]

        function.__name__ = name
        return function

    config = GRPOConfig(
        output_dir=str(folder / "trl"),
        max_steps=steps,
        per_device_train_batch_size=prompts * responses,
        num_generations=responses,
        max_completion_length=length,
        multi_objective_aggregation="normalize_then_sum",
        learning_rate=1e-6,
        lr_scheduler_type="constant",
        beta=0.0,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        epsilon_high=0.28,
        loss_type="dapo",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder / "model"),
        reward_funcs=[reward(name) for name in specs],
        args=config,
        train_dataset=Dataset.from_list(problems),
        processing_class=tokenizer,
        callbacks=[StepRecorder(folder / "steps.jsonl")],
    ).train()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
