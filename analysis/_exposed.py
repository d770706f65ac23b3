"""Secrets and personal data in texts: what kind, never what.

A pattern counts only where nothing innocent looks like it: numbers need their checksum and a range that is issued,
keys the prefix that their issuer gives them, passwords the word before them and a value that could be one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "KINDS",
    "PERSONAL",
    "SECRETS",
    "kinds_in",
    "kinds_of",
    "perhaps_exposing",
    "records_perhaps_exposing",
    "without_secrets",
]

SECRETS: Final = ("access key", "bearer token", "JSON web token", "password", "private key")
PERSONAL: Final = ("bank account", "card number", "e-mail address")
KINDS: Final = (*SECRETS, *PERSONAL)

#: Issued to their holders with these prefixes: AWS, GitHub, GitLab, Slack, Google, Stripe.
_KEY: Final = (
    r"\b(?:(?:AKIA|ASIA)[A-Z2-7]{16}|gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|xox[abpr]-[\w-]{20,}"
    r"|AIza[\w-]{35}|[rs]k_live_[A-Za-z0-9]{20,})\b"
)
_BEARER: Final = r"\b[Bb]earer\s+[\w.~+/-]{20,}=*"
_JWT: Final = r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
_PRIVATE: Final = r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
_WORDED: Final = (
    r"(?i:\b(?:\w*password|passwd|pwd|\w*secret|api[_-]?key|(?:access|auth|refresh)[_-]?token))"
    r"[\"']?\s?[:=]\s?[\"']?([^\s\"'&,;<>{}\[\]()*?$%]{6,128})|://[^\s/:@\"']{1,64}:([^\s/:@\"'*<>{}$]{4,128})@"
)
_MAIL: Final = r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b"
_CARD: Final = r"(?<![\w.-])(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}|3[47]\d{2}[ -]\d{6}[ -]\d{5}|\d{15,16})(?![\w-]|\.\d)"
_IBAN: Final = r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"

_PATTERNS: Final = {
    "access key": re.compile(_KEY, re.ASCII),
    "bearer token": re.compile(_BEARER, re.ASCII),
    "JSON web token": re.compile(_JWT, re.ASCII),
    "password": re.compile(_WORDED, re.ASCII),
    "private key": re.compile(_PRIVATE, re.ASCII),
    "bank account": re.compile(_IBAN, re.ASCII),
    "card number": re.compile(_CARD, re.ASCII),
    "e-mail address": re.compile(_MAIL, re.ASCII),
}
#: What any of them holds, for a first look at many texts at once; RE2 knows no look-around.
_PERHAPS: Final = (
    r"@[A-Za-z0-9-]+\.|\d{4}[ -]?\d{4}[ -]?\d{4}|3[47]\d{2}[ -]\d{6}|[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}"
    r"|eyJ|[Bb]earer |PRIVATE KEY|AKIA|ASIA|gh[pousr]_|glpat-|xox[abpr]-|AIza|k_live_|://[^\s/]+@"
    r"|(?i:password|passwd|pwd|secret|api[_-]?key|token)[\"']?\s?[:=]"
)
#: The same for the encoded bytes of a record: a name and its value stand apart there, texts may be escaped, and longer
#: numbers are times, as are those of sixteen digits that begin with 1: no card's does. Digits
#: beside letters up to f are those of an id.
_PERHAPS_ENCODED: Final = (
    r"@[A-Za-z0-9-]+\.|[^\d.]\d{4}[ -]\d{4}[ -]\d{4}|[^\da-f.][2-6]\d{14,15}[^\da-f]|[^\d.]3[47]\d{2}[ -]\d{6}"
    r"|[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}"
    r"|eyJ|[Bb]earer |PRIVATE KEY|AKIA|ASIA|gh[pousr]_|glpat-|xox[abpr]-|AIza|k_live_|://[^\s/]+@|\\u00"
    r"|(?i:password|passwd|pwd|secret|api[_-]?key|token)"
)
_PERHAPS_HERE: Final = re.compile(_PERHAPS)
#: Domains that nobody has an address in (RFC 2606, RFC 6761), and what only looks like one.
_NO_MAIL: Final = re.compile(
    r"(?i)(?:^(?:no-?reply|git|root|postmaster|mailer-daemon)@|@(?:.*\.)?example\.(?:com|net|org)$"
    r"|\.(?:example|invalid|test|local|localhost|internal|lan|svc|png|jpg|svg|js|css|py|java|go)$)"
)
#: Ranges of Visa, Mastercard, American Express, Discover and JCB, with the lengths of their numbers.
_ISSUED: Final = re.compile(r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
                            r"|6(?:011|5\d\d)\d{12}|35\d{14}")  # fmt: skip
#: Lengths of the account numbers of some countries (ISO 13616); others are not taken.
_LENGTHS: Final = {
    "AT": 20, "BE": 16, "CH": 21, "CZ": 24, "DE": 22, "DK": 18, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "IE": 22,
    "IT": 27, "LU": 20, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "SE": 24,
}  # fmt: skip
#: What stands in the place of a password that was taken out, and words that people put behind the word.
_TAKEN_OUT: Final = re.compile(r"(?i)redacted|masked|hidden|filtered|removed|secret|x{4,}|\.{3,}|#{3,}")


def kinds_in(text: str) -> tuple[str, ...]:
    """Return the kinds of secrets and personal data that a text holds, in the order of ``KINDS``."""
    return tuple(kind for kind in KINDS if any(_is(kind, match) for match in _PATTERNS[kind].finditer(text)))


def kinds_of(texts: pa.Array) -> dict[int, tuple[str, ...]]:
    """Return the kinds for those of many texts, by their place, that hold any.

    Parameters
    ----------
    texts
        Distinct texts.
    """
    perhaps = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, _PERHAPS), False))
    found = ((place, kinds_in(texts[place].as_py())) for place in perhaps.to_pylist())
    return {place: kinds for place, kinds in found if kinds}


def perhaps_exposing(text: str) -> bool:
    """Return whether a text is worth :func:`kinds_in`."""
    return _PERHAPS_HERE.search(text) is not None


def records_perhaps_exposing(records: pa.Array) -> pa.Array:
    """Return which of many records, each as its encoded bytes, are worth being decoded and looked through."""
    return pc.match_substring_regex(records, _PERHAPS_ENCODED)


def without_secrets(text: str) -> str:
    """Return a text with secrets replaced, whose values need no digit to tell them."""
    for kind in SECRETS:
        text = _PATTERNS[kind].sub("<secret>", text)
    return text


def _is(kind: str, match: re.Match[str]) -> bool:
    check = _CHECKS.get(kind)
    return check is None or check(match)


def _is_password(match: re.Match[str]) -> bool:
    """Return whether a value could be a password: letters with digits or signs, and nothing that stands for one."""
    if match[2] is not None:
        return _TAKEN_OUT.search(match[2]) is None
    value = match[1]
    mixed = any(letter.isalpha() for letter in value) and any(not letter.isalpha() for letter in value.strip(".:!?-"))
    return mixed and _TAKEN_OUT.search(value) is None


def _is_card(match: re.Match[str]) -> bool:
    digits = re.sub(r"[ -]", "", match[0])
    return _ISSUED.fullmatch(digits) is not None and len(set(digits)) > 1 and _luhn(digits)


def _luhn(digits: str) -> bool:
    """Check the last digit (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_iban(match: re.Match[str]) -> bool:
    """Check length and check digits (ISO 7064, MOD 97-10)."""
    text = match[0].replace(" ", "")
    if _LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def _is_mail(match: re.Match[str]) -> bool:
    return _NO_MAIL.search(match[0]) is None


_CHECKS: Final[dict[str, Callable[[re.Match[str]], bool]]] = {
    "password": _is_password,
    "card number": _is_card,
    "bank account": _is_iban,
    "e-mail address": _is_mail,
}
