"""Problem sets: made or read, checked against one schema, stored in veRL's parquet layout."""
