"""Which field of a structured log line feeds which column, whatever logger wrote it.

Names are compared without case and without what separates their words, and nested objects count as dotted names:
``trace_id``, ``traceId``, ``trace.id`` and ``{"trace": {"id": …}}`` are one name. Of several fields for one column the
one that stands first in the list below is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

__all__ = ["ROLES", "flattened", "is_decimal_key", "normalised", "plan_of", "request_key"]

#: For each role the names that feed it, best first.
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "time": (
        "timestamp", "@t", "ts", "time", "timeunixnano", "datetime", "asctime", "eventtime", "starttime",
        "date", "t", "observedtimestamp", "receivetimestamp", "timeiso8601", "timelocal",
    ),
    "severity": (
        "loglevel", "severitytext", "severity", "level", "@l", "levelname", "lvl", "loglevelname", "priority",
        "severitynumber", "loglevelvalue",
    ),
    "message": (
        "message", "msg", "@m", "@mt", "event", "body", "textpayload", "jsonpayloadmessage", "shortmessage", "log",
        "text", "line", "eventoriginal", "rendered",
    ),
    "service": (
        "servicename", "service", "otelservicename", "ddservice", "resourceservicename", "serviceid", "app",
        "application", "appname", "applicationname", "fieldsservice", "kuberneteslabelsappkubernetesioname",
        "kuberneteslabelsapp", "kubernetescontainername", "containername", "resourcelabelscontainername",
    ),
    "logger": (
        "loglogger", "loggername", "logger", "sourcecontext", "jsonpayloadlogger", "category", "instrumentationscope",
    ),
    "named": ("name",),
    "trace": (
        "traceid", "oteltraceid", "ddtraceid", "@tr", "contextmaptraceid", "mdctraceid", "contexttraceid",
        "logginggoogleapiscomtrace", "trace", "xb3traceid", "b3traceid", "attributestraceid", "fieldstraceid",
        "extratraceid", "otraceid", "cttraceid", "jsonpayloadtraceid", "spancontexttraceid", "xrayid",
    ),
    "span": (
        "spanid", "otelspanid", "ddspanid", "@sp", "contextmapspanid", "mdcspanid", "contextspanid",
        "logginggoogleapiscomspanid", "xb3spanid", "b3spanid", "attributesspanid", "fieldsspanid", "extraspanid",
        "jsonpayloadspanid", "spancontextspanid", "transactionid",
    ),
    "parent": ("traceparent", "httptraceparent", "headertraceparent", "b3", "jsonpayloadtraceparent"),
    "request": (
        "requestid", "xrequestid", "correlationid", "xcorrelationid", "reqid", "requestheaderxrequestid",
        "httprequestid", "httprequestheaderxrequestid", "httprequestheadersxrequestid", "guidxrequestid",
        "mdcrequestid", "contextmaprequestid", "contextrequestid", "awsrequestid", "functionrequestid",
        "faasinvocationid",
    ),
    "host": ("hostname", "hosthostname", "host", "machinename", "kubernetesnodename", "nodename", "logsource"),
    "error": ("errortype", "exceptiontype", "exceptionclass", "errorkind", "exceptionname", "errname", "excname"),
    "stack": (
        "errorstacktrace", "stacktrace", "exceptionstacktrace", "exception", "excinfo", "@x", "errorstack", "errstack",
        "jsonpayloadexception", "stack", "traceback", "errorexception",
    ),
    "flags": ("responseflags",),
    "peer": ("upstreamcluster", "upstreamhost", "upstreamaddr", "upstream", "authority"),
    "attempts": ("upstreamrequestattemptcount",),
    # nginx lists an address, a status and a time for each attempt.
    "listed": ("upstreamstatus", "upstreamresponsetime"),
    "method": ("method", "requestmethod", "httprequestmethod", "httpmethod"),
    "path": ("path", "requesturi", "uri", "urlpath", "urloriginal", "request"),
    "code": ("responsecode", "status", "statuscode", "httpresponsestatuscode", "httpstatuscode"),
}  # fmt: skip

_NO_WORD: Final = re.compile(r"[\W_]+", re.ASCII)
_PLACES: Final[Mapping[str, tuple[str, int]]] = {
    name: (role, rank) for role, names in ROLES.items() for rank, name in enumerate(names)
}
_DEPTH: Final = 4
_MOST: Final = 500


@lru_cache(maxsize=8192)
def normalised(key: str) -> str:
    """Return a name without case and separators; a leading ``@`` of Serilog's short names stays."""
    plain = _NO_WORD.sub("", key).lower()
    return f"@{plain}" if key[:1] == "@" and len(plain) <= 2 else plain


def is_decimal_key(key: str) -> bool:
    """Return whether a field is one of Datadog's, whose ids are decimal."""
    return normalised(key) in {"ddtraceid", "ddspanid"}


@lru_cache(maxsize=4096)
def request_key(keys: tuple[str, ...]) -> str | None:
    """Return which of some attributes holds the id of a request, the best of several."""
    named = plan_of(keys)[0].get("request", ())
    return named[0] if named else None


@lru_cache(maxsize=4096)
def plan_of(keys: tuple[str, ...]) -> tuple[Mapping[str, tuple[str, ...]], bool]:
    """Return for the fields of a line those that feed each role, best first, and whether there are others beside."""
    found: dict[str, list[tuple[int, str]]] = {}
    others = False
    for key in keys:
        place = _PLACES.get(normalised(key))
        if place is None:
            others = True
        else:
            found.setdefault(place[0], []).append((place[1], key))
    return {role: tuple(key for _, key in sorted(names)) for role, names in found.items()}, others


def flattened(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested objects as dotted names, to a depth and number that no logger passes; what is deeper stays."""
    flat: dict[str, Any] = {}
    _flatten(record, "", 0, flat)
    return flat


def _flatten(record: Mapping[str, Any], prefix: str, depth: int, flat: dict[str, Any]) -> None:
    for key, value in record.items():
        if type(value) is dict and depth < _DEPTH and len(flat) < _MOST:
            _flatten(value, f"{prefix}{key}.", depth + 1, flat)
        else:
            flat[f"{prefix}{key}"] = value
