"""The order of a batch's responses, from which its mini-batches follow. Pure: imports no veRL."""

from collections.abc import Sequence


def order_of_prompts(keys: Sequence[str]) -> list[int]:
    """Places of a batch's responses in the order in which the data loader gave their prompts; it shuffles.

    Args:
        keys: veRL's, ``{uid}_{number of the response}_{turn}``; uids sort as their prompts were fetched.
    """

    def parts(place: int) -> tuple[str, int, int]:
        uid, response, turn = keys[place].rsplit("_", 2)
        return uid, int(response), int(turn)

    return sorted(range(len(keys)), key=parts)
