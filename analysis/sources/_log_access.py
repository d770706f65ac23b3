"""Access logs of proxies and web servers: Envoy and Istio, nginx, Apache; as text, and as fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from analysis.sources._log_keys import ROLES, normalised
from analysis.sources._log_times import log_time

__all__ = ["access_columns", "access_fields", "cluster_of", "evidence", "listed_attempts", "proxy_columns"]

#: Envoy's default format, and Istio's, which has details after the flags and more at the end.
_ENVOY: Final = re.compile(
    r'\[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<code>\d{1,3}) (?P<flags>[A-Za-z,]+|-) (?P<rest>.*)'
)
#: The texts in quotes and the plain words behind the flags.
_PART: Final = re.compile(r'"([^"]*)"|(\S+)')
#: The common and combined formats, and what people add to them.
_COMBINED: Final = re.compile(
    r'(?P<client>\S+) \S+ (?P<user>.*?) \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<code>\d{3}) (?P<size>\d+|-)'
    r"(?P<rest>.*)"
)
_FLAG: Final = re.compile(r"[A-Z][A-Za-z]{1,40}(?:,[A-Z][A-Za-z]{1,40})*")
#: nginx lists an address, a status and a time for each attempt upstream, separated by commas.
_ATTEMPTS: Final = re.compile(r"(?<![\w.:])(?:\[?[\w.:-]+\]?:\d{1,5})(?:, (?:\[?[\w.:-]+\]?:\d{1,5}))+")
_UPSTREAM: Final = re.compile(r'(?:upstream_addr|upstream|uaddr)[=:]\s?"?(?P<addr>[\w.:\[\]-]+(?:, [\w.:\[\]-]+)*)')
#: Lists of statuses or times, one of each for an attempt, under the names that people give nginx's variables.
_LISTED: Final = re.compile(
    r"(?<![\w])(?:upstream_(?:status|response_time|connect_time|header_time|addr)|u(?:rt|ct|ht|s)|upstream_time)"
    r"[=:]\s?\"?(?P<list>[\w.:\[\]-]+(?:, [\w.:\[\]-]+)+)"
)
_LIST: Final = re.compile(r"[\w.:/\[\]-]{1,200}(?:, [\w.:/\[\]-]{1,200})+")
_MOST_ATTEMPTS: Final = 20


def access_fields(line: str) -> dict[str, Any] | None:
    """Return the fields of a line that is an access log of Envoy, Istio, nginx or Apache; None where it is none.

    Returns
    -------
    dict
        ``time`` (text), ``request``, ``code``, and where the line has them ``flags``, ``peer``, ``request_id``,
        ``attempts``.
    """
    if line[:1] == "[" and (match := _ENVOY.match(line)) is not None and log_time(match["time"])[0] is not None:
        return _envoy(match)
    match = _COMBINED.match(line[:16_384]) if '] "' in line[:400] else None
    if match is None or log_time(match["time"])[0] is None:
        return None
    fields: dict[str, Any] = {name: match[name] for name in ("time", "request", "code")}
    rest = match["rest"]
    listed = _ATTEMPTS.search(rest)
    named = _UPSTREAM.search(rest)
    if listed is not None:
        fields["attempts"] = listed[0].count(", ") + 1
    elif (several := _LISTED.search(rest)) is not None:
        fields["attempts"] = several["list"].count(", ") + 1
    if named is not None:
        fields["peer"] = named["addr"].split(", ")[0]
    return fields


def access_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that the fields of an access log feed: a body as people read it, and what the proxy says."""
    request = str(fields.get("request") or "").strip()
    flags = fields.get("flags")
    told = [request, str(fields.get("code") or ""), str(flags) if _is_flagged(flags) else ""]
    columns: dict[str, Any] = {"body": " ".join(filter(None, told)) or None}
    said = evidence(flags, fields.get("attempts"))
    if said is not None:
        columns["retry_evidence"] = said
    if fields.get("peer") not in {None, "", "-"}:
        columns["peer_service"] = cluster_of(str(fields["peer"]))
    return columns


def evidence(flags: Any, attempts: Any) -> str | None:
    """Return response flags and attempts upstream as the column ``retry_evidence`` holds them; None without any."""
    said = []
    if _is_flagged(flags):
        said.append(f"response_flags={flags}")
    number = str(attempts)
    if number.isdecimal() and len(number) < 6 and int(number) > 1:
        said.append(f"attempts={min(int(number), _MOST_ATTEMPTS)}")
    return ";".join(said) or None


def listed_attempts(value: str | None) -> int | None:
    """Return of how many attempts nginx lists something in a field; None where it lists one, or it is no list."""
    return value.count(", ") + 1 if value is not None and _LIST.fullmatch(value[:4096]) is not None else None


def proxy_columns(attributes: Mapping[str, Any], body: str | None) -> dict[str, Any]:
    """Return what a record of OpenTelemetry's says that a proxy wrote, by its attributes or its line of text.

    Envoy's OpenTelemetry access logger sends the line as the body, and as attributes what it is told to.
    """
    fields: dict[str, Any] = {
        role: None if name is None else attributes[name] for role, name in _of_proxies(tuple(attributes))
    }
    if fields["flags"] is None and fields["attempts"] is None:
        fields = (access_fields(body) or {}) if body is not None and body[:1] == "[" else {}
    said = evidence(fields.get("flags"), fields.get("attempts"))
    if said is None:
        return {}
    peer = fields.get("peer")
    known = isinstance(peer, str) and peer not in {"", "-"}
    return {"retry_evidence": said} | ({"peer_service": cluster_of(str(peer))} if known else {})


@lru_cache(maxsize=4096)
def _of_proxies(names: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    """Return by role the name of the attribute that tells it: records of one place have the same names."""
    named = {normalised(name): name for name in names}
    return tuple(
        (role, next((named[name] for name in ROLES[role] if name in named), None))
        for role in ("flags", "peer", "attempts")
    )


def _is_flagged(flags: Any) -> bool:
    return isinstance(flags, str) and flags != "-" and _FLAG.fullmatch(flags) is not None


def _envoy(match: re.Match[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: match[name] for name in ("time", "request", "code", "flags")}
    parts = _PART.findall(match["rest"][:16_384])
    quoted = [text for text, word in parts if not word]
    # Istio writes three more before the sizes: details, termination, failure reason.
    if len(quoted) >= 5:
        *_, _agent, fields["request_id"], fields["authority"], host = quoted[-5:]
        fields["peer"] = host
    words = [word for _, word in parts]
    last = max((place for place, word in enumerate(words) if not word), default=-1)
    # Behind the last quoted text Istio names the cluster, which says more than an address.
    if last >= 0 and last + 1 < len(words) and "|" in words[last + 1]:
        fields["peer"] = words[last + 1]
    return fields


def cluster_of(name: str) -> str:
    """Return the service of a cluster: ``outbound|8080||cart.shop.svc.cluster.local`` is ``cart``."""
    host = name.rpartition("|")[2] if "|" in name else name
    return host.split(".")[0] if "svc" in host.split(".") else host
