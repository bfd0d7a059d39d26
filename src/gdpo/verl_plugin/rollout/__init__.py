"""The rollout backend ``gdpo_hf``: batched sampling with transformers, on CPUs and on GPUs without vLLM."""
