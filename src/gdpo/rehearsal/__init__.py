"""An experiment at toy size: its own config, data, tokenizers and rules, before thousands of device hours."""
