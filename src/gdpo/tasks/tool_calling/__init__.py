"""Tool calling: what is asked, which calls a response makes, and whether they are right."""
