"""Fuzzing of all that reads files of others: a package, since its modules share strategies and a budget."""
