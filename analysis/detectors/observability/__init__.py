"""Observability: what can be seen, and how far the rest can be trusted."""
