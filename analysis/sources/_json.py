"""Decoding one JSON text: quickly where it keeps to the standard, leniently where exporters do not."""

from __future__ import annotations

import json
from typing import Any

import orjson

__all__ = ["NotJson", "loads"]


class NotJson(ValueError):  # noqa: N818 - says what the text is, not what went wrong
    """A text that is not JSON, even read leniently."""


def loads(content: bytes) -> Any:
    """Decode a JSON text.

    NaN and Infinity, which some exporters write for floats, become such floats; bytes that are not UTF-8 are
    replaced; a lone surrogate stays in its text. Whole numbers beyond 64 bits may become floats.

    Raises
    ------
    NotJson
        It is not JSON, or nested too deeply to be decoded.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise NotJson("not JSON") from error
