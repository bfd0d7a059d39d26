"""Tokenizers of characters and fragments: for arithmetic, `\\boxed{` is one token beside the characters."""

from collections.abc import Iterable, Mapping, Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

CHARACTERS = "0123456789+-*=x \n}"
PAD, END, SYSTEM, USER, ASSISTANT, UNKNOWN = (
    "<|pad|>",
    "<|end|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|unknown|>",
)
BOXED, THINK, THINK_END = "\\boxed{", "<think>", "</think>"


def make_tokenizer(context: int) -> PreTrainedTokenizerFast:
    """Return the tokenizer: one token a character, plus `\\boxed{`, `<think>`, `</think>` and control tokens.

    Args:
        context: the model's context length in tokens.
    """
    return build_tokenizer(CHARACTERS, (BOXED, THINK, THINK_END), {"user": USER}, context)


def with_words(fragments: Sequence[str], words: Sequence[str]) -> list[str]:
    """Fragments of a world of words, each once: words as they begin a text, and behind a space."""
    found = dict.fromkeys([*fragments, *(form for word in words for form in (word, f" {word}"))])
    return [token for token in found if len(token) > 1]


def build_tokenizer(
    characters: str, fragments: Sequence[str], roles: Mapping[str, str], context: int
) -> PreTrainedTokenizerFast:
    """Return a tokenizer of characters and longer fragments, the longest that fits from the left.

    Args:
        characters: those it knows.
        fragments: texts of several characters that are a token each.
        roles: role of a message, besides the assistant's -> the control token before it.
        context: the model's context length in tokens.
    """
    # Byte-level without merges and without the splitting regex: every character, newline too, comes back.
    specials = [PAD, END, *roles.values(), ASSISTANT, UNKNOWN]
    symbols = [pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(c)[0][0] for c in characters]
    vocabulary = {token: i for i, token in enumerate([*specials, *fragments, *symbols])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in specials])
    # Not special: they are part of the answer's text and stay when special tokens are skipped.
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in fragments])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[*roles.values(), ASSISTANT],
        chat_template=_chat_template(roles),
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def _chat_template(roles: Mapping[str, str]) -> str:
    shown = "".join(
        f"{{% {'elif' if i else 'if'} message.role == '{role}' %}}{token}{{{{ message.content }}}}"
        for i, (role, token) in enumerate(roles.items())
    )
    known = ", ".join(roles) + " and assistant"
    # Undefined roles render as nothing: veRL renders an empty message to learn the template's fixed parts.
    return (
        "{% for message in messages %}"
        + shown
        + f"{{% elif message.role == 'assistant' %}}{ASSISTANT}{{{{ message.content }}}}{END}"
        "{% elif message.role %}"
        f"{{{{ raise_exception('this model knows the roles {known}, not ' + message.role) }}}}"
        "{% endif %}{% endfor %}"
        f"{{% if add_generation_prompt %}}{ASSISTANT}{{% endif %}}"
    )


def check_encodable(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> None:
    """Check that every text survives the tokenizer.

    Raises:
        ValueError: names the first text that does not, and the characters that are unknown.
    """
    for text in texts:
        if tokenizer.decode(tokenizer.encode(text)) != text:
            unknown = sorted({c for c in text if tokenizer.decode(tokenizer.encode(c)) != c})
            known = sorted(set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens))
            raise ValueError(
                f"{text!r} does not survive the tokenizer: unknown characters {unknown}; "
                f"its tokens are {', '.join(known):.400}"
            )
