"""Shared data: services that are coupled through their stores."""
