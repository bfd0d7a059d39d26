"""Tool calling: the calls that a response makes, and how near they are to those that are right."""
