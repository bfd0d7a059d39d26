"""Stock veRL on GPUs without flash-attn, whose build needs nvcc. Imports nothing by itself."""

VARLEN_ATTENTION = "gdpo_varlen"
"""Name of our attention in transformers' registry."""
