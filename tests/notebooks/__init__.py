"""The notebooks, run on exports of every kind."""
