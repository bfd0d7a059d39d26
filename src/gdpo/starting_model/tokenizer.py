"""A character tokenizer for arithmetic, in which `\\boxed{` is one token."""

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

CHARACTERS = "0123456789+-*=x \n}"
PAD, END, USER, ASSISTANT, UNKNOWN = "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|unknown|>"
BOXED, THINK, THINK_END = "\\boxed{", "<think>", "</think>"

# Undefined roles render as nothing: veRL renders an empty message to learn the template's fixed parts.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'user' %}" + USER + "{{ message.content }}"
    "{% elif message.role == 'assistant' %}"
    + ASSISTANT
    + "{{ message.content }}"
    + END
    + "{% elif message.role %}"
    "{{ raise_exception('this model knows the roles user and assistant, not ' + message.role) }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)


def make_tokenizer(context: int) -> PreTrainedTokenizerFast:
    """Return the tokenizer: one token a character, plus `\\boxed{`, `<think>`, `</think>` and control tokens.

    Args:
        context: the model's context length in tokens.
    """
    # Byte-level without merges and without the splitting regex: every character, newline too, comes back.
    specials = [PAD, END, USER, ASSISTANT, UNKNOWN]
    symbols = [pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(c)[0][0] for c in CHARACTERS]
    vocabulary = {token: i for i, token in enumerate([*specials, BOXED, THINK, THINK_END, *symbols])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in specials])
    # Not special: they are part of the answer's text and stay when special tokens are skipped.
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in (BOXED, THINK, THINK_END)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def check_encodable(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> None:
    """Check that every text survives the tokenizer.

    Raises:
        ValueError: names the first text that does not, and the characters that are unknown.
    """
    for text in texts:
        if tokenizer.decode(tokenizer.encode(text)) != text:
            unknown = sorted({c for c in text if tokenizer.decode(tokenizer.encode(c)) != c})
            raise ValueError(
                f"{text!r} does not survive the tokenizer: unknown characters {unknown}; "
                f"it knows {CHARACTERS!r}, {BOXED}, {THINK} and {THINK_END}"
            )
