"""When two problem texts are the same problem: exactly after normalising, or nearly by word 3-grams."""

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple

NGRAM = 3
_PERMUTATIONS = 256

_SPACING = re.compile(
    r"\\[,;:! ]|~|\\q?quad(?![a-z])|\\(?:left|right|displaystyle)(?![a-z])|\\\\(?:\[[^\]\\\n]*\])?"
)
_SPELLING = re.compile(r"\\[dtc]frac(?![a-z])")
_PUNCTUATION = re.compile(r"[$\"'`?!;:{}]|\\[\[\]()]|(?<!\d)[.,]|[.,](?!\d)")
_TOKEN = re.compile(r"\\?[a-z]+|\d+|[^\sa-z\d]")


class Pair(NamedTuple):
    """Two similar problems."""

    one: str
    other: str
    similarity: float
    """Jaccard similarity of the sets of word 3-grams, 0 to 1."""


def normalise_problem(text: str) -> str:
    """A problem text without case, white space, punctuation and LaTeX spacing; operators and digits stay."""
    return re.sub(r"\s+", "", _plain(text))


def fingerprint(text: str) -> str:
    """16 hexadecimal digits that are equal for texts that normalise to the same."""
    return hashlib.sha256(normalise_problem(text).encode()).hexdigest()[:16]


def similar_pairs(texts: Mapping[str, str], others: Mapping[str, str], least: float) -> list[Pair]:
    """Pairs of a text and another whose word 3-grams are similar, the most similar first.

    Candidates come from a MinHash index (datasketch); their similarity is computed exactly.

    Args:
        texts: id -> problem text.
        others: id -> problem text.
        least: smallest similarity of a pair.
    """
    from datasketch import MinHash, MinHashLSH

    # A lower threshold than asked for: the index forgets pairs near its own.
    index = MinHashLSH(threshold=max(0.05, least - 0.15), num_perm=_PERMUTATIONS)
    ngrams = {id: _ngrams(text) for id, text in others.items()}
    hashes = MinHash.bulk(ngrams.values(), num_perm=_PERMUTATIONS)
    for id, hashed in zip(ngrams, hashes, strict=True):
        index.insert(id, hashed)
    pairs = []
    for id, text in texts.items():
        own = _ngrams(text)
        hashed = MinHash(num_perm=_PERMUTATIONS)
        hashed.update_batch(list(own))
        for other in index.query(hashed):
            shared = len(own & ngrams[other])
            similarity = shared / (len(own) + len(ngrams[other]) - shared)
            if similarity >= least:
                pairs.append(Pair(id, other, similarity))
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.one, pair.other))


def _plain(text: str) -> str:
    text = _SPELLING.sub(r"\\frac", _SPACING.sub(" ", text.lower()))
    return _PUNCTUATION.sub(" ", text)


def _ngrams(text: str) -> set[bytes]:
    tokens = _TOKEN.findall(_plain(text))
    count = max(1, len(tokens) - NGRAM + 1)
    return {" ".join(tokens[i : i + NGRAM]).encode() for i in range(count)}
