"""Values of users taken out of names: keys, tokens, passwords, numbers of cards, accounts and people, addresses.

What :mod:`analysis._exposed` accuses must be sure; what is masked here need only be likely, because a name loses little
by it. A mask keeps four digits of a hash, so that two names stay two.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, NamedTuple

__all__ = ["NOTHING_HIDDEN", "Hidden", "blanked", "masked", "perhaps_personal"]

_WORDS: Final = (
    r"(?i)(?<![a-z])(?:[\w-]{0,40}(?:password|passwd|passphrase|secret|token|credential|signature|session_?id"
    r"|api[_-]?key|access[_-]?key|accountkey|private[_-]?key|client[_-]?key)|pwd|pin|cvv|otp|sid|auth)"
    # Behind a colon only what has a digit: "token: expired" and "auth: login" say what happened.
    r"[\"']?\s?(?:=|:(?=[\s\"']{0,2}[^\s\"'&,;<>{}()?]{0,100}\d))\s?[\"']?(?!<)[^\s\"'&,;<>{}()?]{3,4000}"
)
_ISSUED: Final = (
    r"\b(?:(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}"
    r"|glpat-[\w-]{16,255}|xox[abeprs]-[\w-]{10,255}|AIza[\w-]{30,255}|ya29\.[\w-]{16,255}"
    r"|[rsp]k_(?:live|test)_\w{10,255}|SG\.[\w-]{16,255}\.[\w-]{16,255}|npm_\w{30,255}|pypi-\w{16,255}"
    r"|dop_v1_\w{16,255}|hf_\w{16,255}|[sS][kK]-[\w-]{16,255}|(?:SK|AC)[0-9a-f]{32}|shp(?:at|ca|pa|ss)_\w{16,255}"
    r"|sq0\w{3}-[\w-]{16,255}|EAA\w{20,255}|key-[0-9a-f]{32})"
)
_CARD: Final = (
    r"(?<![\w.])\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}(?![\w])"
    r"|(?<![\w.])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}(?!\w)"
)
_PHONE: Final = (
    r"(?<![\w.])(?:\+|00)\d{1,3}[ ()/.-]{0,2}\d(?:[ ()/.-]{0,2}\d){6,12}(?!\w)"
    r"|(?<![\w.])\(\d{3}\) ?\d{3}-\d{4}(?!\w)"
)
_BEGUN: Final = r"-----BEGIN [A-Z ]{0,30}(?:PRIVATE KEY|CERTIFICATE)-----[\s\S]*"
_WEBHOOK: Final = (
    r"(?<=hooks\.slack\.com/services/)[\w/]{10,255}|(?<=/services/)T\w{4,20}/B\w{4,20}/\w{8,255}"
    r"|(?<=/api/webhooks/)\d{10,30}/[\w-]{10,255}"
)
_MAIL: Final = r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"
_ACCOUNT: Final = r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"
# Random texts may hold slashes; a plain word before one is a part of a path.
_RANDOM: Final = (
    r"(?<![\w+.-])(?!/|[a-z]{1,64}/)(?=[\w/+]*\d)(?=[\w/+]*[a-z])(?=[\w/+]*[A-Z])[\w/+]{32,4000}={0,2}(?![\w/+])"
)
_ID: Final = "id"


class _Pattern(NamedTuple):
    """What values of a kind look like, and texts of which one stands in all that it matches: most texts have none."""

    kind: str
    regex: re.Pattern[str]
    marks: tuple[str, ...]

    def replaced(self, by: str | Callable[[re.Match[str]], str], text: str) -> str:
        if self.marks and not any(mark in text for mark in self.marks):
            return text
        return self.regex.sub(by, text)


#: In this order: what is part of another (a token in an address) after what holds it. Every repetition ends, so that
#: the time to look grows with the text and no faster.
_PATTERNS: Final = tuple(
    _Pattern(kind, re.compile(pattern), tuple(marks))
    for kind, pattern, *marks in (
        ("private key", _BEGUN, "-----BEGIN"),
        ("token", r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}\.[\w-]{0,2000}", "eyJ"),
        ("credentials", r"(?i)\b(?:bearer|basic|digest|apikey|token)\s{1,4}[\w.~+/:-]{8,4000}={0,2}"),
        ("credentials", r"(?<=://)[^\s/:@]{1,200}:[^\s/@]{1,200}(?=@)", "://"),
        ("secret", _WORDS, "=", ":"),
        ("key", _ISSUED),
        ("webhook", _WEBHOOK, "/services/", "/api/webhooks/"),
        ("e-mail", _MAIL, "@"),
        ("escaped e-mail", _MAIL.replace("@", "%40"), "%40"),
        ("account", _ACCOUNT),
        ("card", _CARD),
        ("person", r"(?<![\w.])\d{3}-\d{2}-\d{4}(?!\w)", "-"),
        ("phone", _PHONE, "+", "00", "("),
        (_ID, r"(?<![0-9A-Za-z])(?=[0-9A-Fa-f]*\d)[0-9A-Fa-f]{32,4000}(?![0-9A-Za-z])"),
        ("token", _RANDOM),
    )
)
#: What any of them holds. Most names hold none, and are looked at once.
_PERHAPS: Final = re.compile(
    r"[@%=:]|\d{3}|eyJ|\w{2,4}[_.-]\w{10}|\w{20}|(?i:bearer|basic|digest|token|apikey|-----BEGIN)"
)
#: A name is told by its beginning; nothing that is shown is as long.
_LONGEST: Final = 20_000
#: Shorter texts hold nothing of anybody.
_SHORT: Final = 6
_MASKED: Final = re.compile(r"(<[A-Za-z -]{2,20} [0-9a-f]{4}>)")
#: Bytes of the hash that a mask keeps.
_HASHED: Final = 2


def perhaps_personal(text: str) -> bool:
    """Tell quickly whether a text may hold what would be masked; most do not."""
    return len(text) > _SHORT and (len(text) > _LONGEST or _PERHAPS.search(text) is not None)


@lru_cache(maxsize=1 << 15)
def masked(text: str, *, machine: bool = False) -> str:
    """Return a text with every value in it replaced by its kind and four digits of its hash, as ``<e-mail 1f2a>``.

    The name of a ``machine`` may be an id: of those there are more than four digits tell apart, and it is nobody's.
    """
    if not perhaps_personal(text):
        return text
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}{_mask('rest', text[_LONGEST:])}"
    for pattern in _PATTERNS:
        if not (machine and pattern.kind == _ID):
            text = pattern.replaced(partial(_mask_match, pattern.kind), text)
    return text


@lru_cache(maxsize=1 << 15)
def blanked(text: str, blank: str, left: tuple[str, ...] = ()) -> str:
    """Return a text with every value in it replaced by the same mark, which a template takes for one.

    Kinds that are ``left`` are for the caller to replace.
    """
    if perhaps_personal(text):
        for pattern in _PATTERNS:
            text = text if pattern.kind in left else pattern.replaced(blank, text)
    return text


@dataclass(frozen=True)
class Hidden:
    """What a configuration wants masked wherever it stands: in names of services, operations, tables, attributes.

    Attributes
    ----------
    patterns
        Regular expressions.
    """

    patterns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __call__(self, text: str) -> str:
        """Return a text with what is to be hidden replaced, as ``<name 1f2a>``; what is masked already stays."""
        return _hidden(text, self.patterns)


NOTHING_HIDDEN: Final = Hidden()


@lru_cache(maxsize=1 << 15)
def _hidden(text: str, patterns: tuple[str, ...]) -> str:
    for pattern in patterns:
        parts = _MASKED.split(text)
        # Every second part is a mask.
        parts[::2] = [re.sub(pattern, _mask_name, part) for part in parts[::2]]
        text = "".join(parts)
    return text


def _mask_name(match: re.Match[str]) -> str:
    return _mask("name", match[0]) if match[0] else ""


def _mask_match(kind: str, match: re.Match[str]) -> str:
    return _mask(kind, match[0])


def _mask(kind: str, value: str) -> str:
    digest = hashlib.blake2b(value.encode(errors="surrogatepass"), digest_size=_HASHED).hexdigest()
    return f"<{kind} {digest}>"
