"""What differs between the windows: whether the known problems are fixed."""

from __future__ import annotations

import os


def is_fixed() -> bool:
    """Tell whether this process runs the edition of the shop with its problems fixed."""
    return os.environ.get("SHOP_FIXED") == "1"


def poll_count() -> int:
    """Return how often a polling loop runs before it ends."""
    return int(os.environ.get("SHOP_POLLS", "100"))
