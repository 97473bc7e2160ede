"""A timeline of ten million events, against the raw limit and peers."""
