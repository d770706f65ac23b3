"""Paths of HTTP calls without their values."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from analysis.operations.identifiers import PLACEHOLDER, holds_identifier_run
from analysis.sql import hash_of

# What follows is dropped: no route is that long, and a template must stay readable.
MAX_PATH_CHARACTERS = 8_192
_MAX_KEY_CHARACTERS = 64
_MAX_REMEMBERED_CHARACTERS = 128

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+://([^/?#]*+)")
_METHOD = re.compile(r"^(?:HTTP )?(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT|QUERY) (?=\S)", re.IGNORECASE)
# A segment of a route, not of a path: {id}, :id, <int:id>, *, (\d+), [id], or a mask such as _uuid_.
_TEMPLATED = re.compile(r"[{}<>()*\[\]^$\\]|^:|^_[a-z]+_$|%7[Bb]")
_INDEX = re.compile(r"\[\d+\]")
_SESSION_KEYS = frozenset({"jsessionid", "phpsessid", "sid"})
_UNRESERVED = re.compile(r"[\w.~!$&'()*+,;=:@-]*", re.ASCII)


def http_host(url: str) -> str:
    """Give the host and port of a URL in lower case, without user and password; `""` when the text is a path."""
    match = _SCHEME.match(url)
    return match.group(1).rpartition("@")[2].lower() if match else ""


def _split(path: str) -> tuple[str, str]:
    """Part a path or URL into path and query; scheme, user, host and fragment are dropped."""
    text = _SCHEME.sub("", path[:MAX_PATH_CHARACTERS].strip(), count=1)
    text = text.partition("#")[0]
    before, _, query = text.partition("?")
    return re.sub(r"/{2,}", "/", before.strip()) or "/", query


def _is_template(segment: str) -> bool:
    return _TEMPLATED.search(segment) is not None


def _segment(segment: str) -> tuple[str, bool]:
    """
    Give a segment's place in a template, and whether a value was taken out of it.

    The place is the segment itself, or `{id}`; keys of matrix parameters stay, sorted. Long segments are not
    remembered, so that a hostile export does not fill the memory with them.
    """
    return _remembered_segment(segment) if len(segment) <= _MAX_REMEMBERED_CHARACTERS else _judged_segment(segment)


def _judged_segment(segment: str) -> tuple[str, bool]:
    if _is_template(segment):
        return segment, False
    head, *matrix = segment.split(";")
    decoded = unquote(head)
    # Nobody names a route with spaces, or with characters that need encoding; values have them.
    encoded = (decoded != head and not _UNRESERVED.fullmatch(decoded)) or not decoded.isprintable() or " " in decoded
    taken = encoded or holds_identifier_run(decoded)
    keys = sorted({_key(pair) for pair in matrix} - _SESSION_KEYS - {""})
    return ";".join([PLACEHOLDER if taken else decoded, *keys]), taken or "=" in segment


_remembered_segment = lru_cache(maxsize=65_536)(_judged_segment)


def _key(pair: str) -> str:
    """Give the key of `key=value`; one that is itself a value, or no word, is `{id}`."""
    key, equals, _ = pair.partition("=")
    decoded = _INDEX.sub("[]", unquote(key))
    if not equals and holds_identifier_run(decoded):
        return PLACEHOLDER
    shown = len(decoded) <= _MAX_KEY_CHARACTERS and decoded.isprintable() and " " not in decoded
    return decoded if shown and not holds_identifier_run(decoded) else PLACEHOLDER


def http_path_template(path: str) -> str:
    """
    Replace the values of a path.

    A segment that is, or holds between word boundaries, a number, a UUID, ULID, e-mail address, a long hex run or a
    random token becomes `{id}`; so does one with percent-encoded text. Query keys are sorted, their values dropped.

    Parameters
    ----------
    path
        A path with or without query, a full URL, or a route that is a template already.

    Examples
    --------
    >>> http_path_template("/v1/users/1343-turtles?b=1&a=2")
    '/v1/users/{id}?a&b'
    """
    return _remembered_template(path) if len(path) <= _MAX_REMEMBERED_CHARACTERS else _judged_template(path)


def _judged_template(path: str) -> str:
    before, query = _split(path)
    template = "/".join(_segment(segment)[0] for segment in before.split("/")) or "/"
    keys = sorted({_key(pair) for pair in query.split("&")} - {""})
    return f"{template}?{'&'.join(keys)}" if keys else template


_remembered_template = lru_cache(maxsize=16_384)(_judged_template)


def http_parameters(path: str) -> int:
    """
    Hash what `http_path_template` takes out of a path.

    Returns
    -------
    int
        Unsigned 64 bits, the same whatever the order of the query's keys; 0 when nothing was taken out, and when the
        path is a template, whose values are not known.
    """
    before, query = _split(path)
    segments = before.split("/")
    if any(_is_template(segment) for segment in segments):
        return 0
    values = [segment for segment in segments if _segment(segment)[1]]
    pairs = sorted(pair for pair in query.split("&") if pair)
    return hash_of([*values, "?", *pairs]) if values or pairs else 0


def whole_path_hash(path: str) -> int:
    """
    Hash everything of a path, its literal segments too; 0 when it is a template.

    Two calls of one route agree in it only if they asked for the same: `/users/{name}` hides values that look like
    words.
    """
    before, query = _split(path)
    if any(_is_template(segment) for segment in before.split("/")):
        return 0
    return hash_of([before, "?", *sorted(pair for pair in query.split("&") if pair)])


def without_method(name: str) -> str:
    """Give what follows an HTTP method in a span name; the name itself when it begins with none."""
    return _METHOD.sub("", name, count=1)


def is_raw_path(name_or_route: str) -> bool:
    """
    Say whether a name or route is a path with its values in it, where a template is expected.

    `/owners/8` and `GET http://shop/cart?id=5` are; `/owners/{id}`, `GET /health` and `Cart.add` are not.
    """
    text = without_method(name_or_route.strip())
    if _SCHEME.match(text):
        return True
    if not text.startswith("/") or " " in text:
        return False
    before, query = _split(text)
    return bool(query) or any(_segment(segment)[1] for segment in before.split("/"))
