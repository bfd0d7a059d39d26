"""Metrics that are of each sample: registered as a plug-in's are, and averaged over problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdpo.plugins import metric

if TYPE_CHECKING:
    import pandas as pd


@metric(label="accuracy % (avg@k)")
def accuracy(samples: pd.DataFrame) -> pd.Series:
    """avg@k: share of samples judged correct"""
    return samples["verdict"] == "correct"


@metric
def exceed(samples: pd.DataFrame, limit: int) -> pd.Series:
    """exceed ratio: share of samples longer than the limit"""
    return samples["n_tokens"] > limit


@metric(label="correct and within %")
def within_and_correct(samples: pd.DataFrame, limit: int) -> pd.Series:
    """share of samples that are correct and within the limit"""
    return accuracy(samples) & ~exceed(samples, limit)


@metric(label="response length (tokens)", unit="tokens")
def response_length(samples: pd.DataFrame) -> pd.Series:
    """mean response length in tokens"""
    return samples["n_tokens"]


@metric(label="truncated %")
def truncated(samples: pd.DataFrame) -> pd.Series:
    """share of samples cut off at the token limit"""
    return samples["stop_reason"] == "length"


@metric(name="format", label="format %")
def well_formed(samples: pd.DataFrame) -> pd.Series:
    """share of samples in the form that their task asks for (mathematics: reasoning, then exactly one box)"""
    return samples["format"]


@metric
def timeouts(samples: pd.DataFrame) -> pd.Series:
    """share of samples that the grader ran out of time on; they count as not correct"""
    return samples["verdict"] == "timeout"


@metric
def errors(samples: pd.DataFrame) -> pd.Series:
    """share of samples that the grader failed on; they count as not correct"""
    return samples["verdict"] == "error"
