"""Attributes that no column keeps, looked through for secrets and personal data: what kind and where, never the value.

What columns keep is looked through when facts are scanned; of all other attributes nothing is left after reading but
this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from analysis._exposed import kinds_in, perhaps_exposing

__all__ = ["exposures", "together"]

#: Values are looked through so far: what is longer is a dump, and repeats itself.
_LONGEST: Final = 8_192
_KEY_LONGEST: Final = 100
#: Between the kinds of one row; no key holds it.
_BETWEEN: Final = "; "
#: Parts of keys that are values: a key made of a user's number or address tells on them too.
_VALUE: Final = re.compile(r"\S*@\S*|\d{4,}|;")
_WHOLE_NUMBERS: Final = 10**12


def exposures(attributes: Mapping[str, Any], kept: frozenset[str]) -> str | None:
    """Return what attributes expose, as ``password in login.form; e-mail address in enduser.id``; None for nothing.

    Parameters
    ----------
    attributes
        Values as plain Python objects.
    kept
        Names that feed a column: those are left out.
    """
    found: set[str] = set()
    for key, value in attributes.items():
        if key in kept:
            continue
        said = value if type(value) is str else _as_text(value)
        if len(said) >= _SHORTEST:
            found.update(_exposed(key, said[:_LONGEST]))
    return _BETWEEN.join(sorted(found)) if found else None


def together(*several: str | None) -> str | None:
    """Return what several texts of :func:`exposures` say, as one."""
    found = {part for text in several if text for part in text.split(_BETWEEN)}
    return _BETWEEN.join(sorted(found)) if found else None


#: No shorter value is a secret: a password has four characters at least, behind a name or an address.
_SHORTEST: Final = 4


@lru_cache(maxsize=1 << 14)
def _exposed(key: str, value: str) -> tuple[str, ...]:
    # The name of an attribute is the word before its value.
    said = f"{key}={value}"
    if not perhaps_exposing(said):
        return ()
    where = _VALUE.sub("<value>", key[:_KEY_LONGEST])
    return tuple(f"{kind} in {where}" for kind in kinds_in(said))


def _as_text(value: Any) -> str:
    """Return numbers that may be those of a card, and lists of texts, as text; anything else is nobody's."""
    if type(value) is int:
        return str(value) if value >= _WHOLE_NUMBERS else ""
    if type(value) is list:
        return "\n".join(part for part in value if type(part) is str)
    return ""
