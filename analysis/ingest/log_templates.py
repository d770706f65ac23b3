"""Log lines without their values: what the program says, whatever it says it about."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final

from analysis._exposed import without_secrets
from analysis._masking import blanked

__all__ = ["log_template"]

#: A line is told by its beginning; the rest is a stack trace, or a body that was dumped into it.
_LONGEST: Final = 2_000

# Each begins where a word begins and takes it whole, so the time to match grows with the line and no faster.
_VALUE: Final = re.compile(
    r"""
    (?P<text>"[^"]*"|(?<!\w)'[^']*'(?!\w))
    |(?P<time>(?<!\w)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\w))
    |(?P<url>(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s"'<>)\]}]+)
    |(?P<mail>(?<![\w+.-])[\w+.-]{1,64}@[\w.-]+\w)
    |(?P<path>(?<![\w>])/[^\s"'<>)\]},;:]+)
    |(?P<id>(?<!\w)(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|0[xX][0-9A-Fa-f]+)(?!\w))
    |(?P<compound>(?<![\w-])(?=[\w-]*\d)\w+(?:-\w+)+(?![\w-]))
    |(?P<number>(?<!\w)\d+(?:[.,:]\d+)*(?:\s?(?:ns|us|µs|ms|s|m|h|d|B|KB|MB|GB|kB|KiB|MiB|GiB))?(?!\w)%?)
    |(?P<word>(?<!\w)[^\W\d]*\d\w*)
    """,
    re.VERBOSE,
)
#: Words that come with secrets; most lines have none of them.
_SECRET: Final = re.compile(r"(?i)bearer |eyj|passw|pwd|secret|token|key|://[^\s/]*@")
#: Kinds that the patterns above replace by what a reader understands better.
_TOLD_BELOW: Final = ("e-mail", "secret", "card", "phone", "person", "id")
_SHOWN: Final = {"mail": "<text>", "url": "<path>", "word": "<id>", "compound": "<id>"}
#: Where structured logging puts what people would read.
_MESSAGE_KEYS: Final = ("message", "msg", "event", "body", "log", "@m", "@mt")


@lru_cache(maxsize=1 << 16)
def log_template(body: str) -> str:
    """Return a log line with quoted texts, times, paths, ids and numbers replaced by what they are.

    Parameters
    ----------
    body
        The line. Of a JSON object, the message counts; where it has none, its keys.
    """
    text = body.strip()
    if text.startswith("{"):
        text = _message(text)
    plain = without_secrets(text[:_LONGEST]) if _SECRET.search(text) else text[:_LONGEST]
    plain = blanked(plain, "<secret>", _TOLD_BELOW)
    masked = _VALUE.sub(lambda match: _SHOWN.get(match.lastgroup or "", f"<{match.lastgroup}>"), plain)
    return " ".join(masked.split())


def _message(text: str) -> str:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(fields, dict):
        return text
    for key in _MESSAGE_KEYS:
        if isinstance(fields.get(key), str):
            return str(fields[key])
    return "{" + ", ".join(sorted(fields)) + "}"
