"""Sampling: prompts in, completions out, by transformers (CPU) or vLLM (GPU)."""
