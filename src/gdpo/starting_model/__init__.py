"""The demo's starting model: a small Llama and tokenizer, pre-trained on worked solutions."""
