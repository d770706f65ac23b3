"""Cascading failures: how one failure becomes many."""
