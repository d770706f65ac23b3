"""Chatty calls: too many conversations for one request."""
