"""The HTML report of a thousand machines and ten million events."""
