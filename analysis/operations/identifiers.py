"""Identifiers in names: numbers, UUIDs, ULIDs, e-mail addresses, hex runs and random tokens."""

from __future__ import annotations

import re

PLACEHOLDER = "{id}"

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_ULID = r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}"
_EMAIL = r"[\w.+%-]{1,64}@[\w-]{1,63}(?>(?:\.[\w-]{1,63})+)"
_DATE = r"\d{4}[-./]\d{2}(?:[-./]\d{2})?"
# Eight hex digits or more, one of them a decimal digit: `facade` and `deadbeef` may be words.
_HEX = r"(?:0x)?(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}"
_BOUNDED = rf"(?<![0-9A-Za-z])(?:{_UUID}|{_ULID}|{_DATE}|{_HEX}|\d{{4,}})(?![0-9A-Za-z])"
_NUMBER = r"(?<!\w)\d+(?!\w)"
_IDENTIFIER = re.compile(rf"{_EMAIL}|{_BOUNDED}|{_NUMBER}")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,}={0,2}(?![A-Za-z0-9])|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{8,}={1,2}(?![A-Za-z0-9=])"
)
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
_VERSION = re.compile(r"[vV]\d+(?>(?:[._]\d+)*)(?:[-.]?(?:alpha|beta|rc)\d*)?")
_ADJACENT = re.compile(r"\{id\}(?>(?:[-:._/]?\{id\})+)")
_ASSET = re.compile(r"\.(?:avif|css|gif|ico|jpe?g|js|json|map|mjs|png|svg|ttf|webp|woff2?)$", re.IGNORECASE)
_ASSET_PART = re.compile(r"[A-Za-z0-9]{6,}")

# Share of neighbouring characters that change between lower case, upper case and digits: about 0.5 in random base64,
# 0.4 in random base36, below 0.3 in words joined by capitals (`getUserAccountDetailsV2`). House values.
_RANDOM_SHARE = 0.3
_RANDOM_SHARE_WITHOUT_DIGIT = 0.45


def looks_random(token: str) -> bool:
    """
    Say whether a run of letters and digits reads like base64, base62 or base36 rather than words.

    Parameters
    ----------
    token
        Letters, digits, `-` and `_`; the caller decides from what length on the question makes sense.
    """
    changes = pairs = 0
    previous = ""
    for character in token:
        kind = "a" if character.islower() else "A" if character.isupper() else "0" if character.isdigit() else ""
        if previous and kind:
            pairs += 1
            # A capital begins a word: what follows it in lower case belongs to it.
            changes += kind != previous and (previous, kind) != ("A", "a")
        previous = kind
    if not pairs:
        return False
    digit = any(character.isdigit() for character in token)
    return changes / pairs >= (_RANDOM_SHARE if digit else _RANDOM_SHARE_WITHOUT_DIGIT)


def holds_identifier_run(text: str) -> bool:
    """Say whether a path segment is, or holds between word boundaries, an identifier."""
    if _VERSION.fullmatch(text):
        return False
    if _IDENTIFIER.search(text) or _JWT.search(text):
        return True
    if any(_is_token(match.group()) for match in _TOKEN.finditer(text)):
        return True
    return _ASSET.search(text) is not None and any(
        part.isalnum() and not part.isalpha() and looks_random(part) for part in _ASSET_PART.findall(text)
    )


def _is_token(token: str) -> bool:
    return token.endswith("=") or looks_random(token)


def replace_identifiers(text: str) -> tuple[str, tuple[str, ...]]:
    """
    Replace every identifier within a text, and nothing around it.

    Returns
    -------
    text and values
        The text with `{id}` for each identifier, neighbouring ones as one; the identifiers in their order.
    """
    values: list[tuple[int, str]] = []

    def take(match: re.Match[str]) -> str:
        values.append((match.start(), match.group()))
        return PLACEHOLDER

    def take_token(match: re.Match[str]) -> str:
        return take(match) if _is_token(match.group()) else match.group()

    replaced = _JWT.sub(take, text) if "eyJ" in text else text
    replaced = _TOKEN.sub(take_token, replaced)
    replaced = _IDENTIFIER.sub(take, replaced)
    return _ADJACENT.sub(PLACEHOLDER, replaced), tuple(value for _, value in values)
