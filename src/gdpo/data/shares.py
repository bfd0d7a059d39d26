"""A number shared out by weights."""

from collections.abc import Mapping


def share_out(size: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Share `size` out by weight, largest remainders first; the counts add up to `size`."""
    total = sum(weights.values())
    exact = {name: size * weight / total for name, weight in weights.items()}
    counts = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in by_remainder[: size - sum(counts.values())]:
        counts[name] += 1
    return counts
