"""Structured log lines into rows: fields found by their names, whatever logger wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from analysis.semconv import text
from analysis.sources._ledger import Rejects
from analysis.sources._log_access import access_columns, listed_attempts
from analysis.sources._log_ids import NO_ID, span_id_of, trace_id_of, trace_parent
from analysis.sources._log_keys import flattened, is_decimal_key, plan_of
from analysis.sources._log_times import NO_ZONE, log_time
from analysis.sources._log_values import level, severity

__all__ = ["RecordReader", "error_in"]

#: The type at the beginning of an exception's text (Java, .NET, JavaScript) or of its last line (Python).
_ERROR: Final = re.compile(
    r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Failure|Timeout|Refused|Interrupt)(?=[:\s]|$)"
)
_NO_IDS: Final = frozenset(("-", "null", "none", "None", "undefined"))
_NAME: Final = re.compile(r"[\w.$:-]{1,200}")
_REST_LIMIT: Final = 8_192


class RecordReader:
    """Makes rows of decoded lines.

    Parameters
    ----------
    rejects
        Where assumptions are noted.
    decimal
        The records are Datadog's: ids of digits alone are decimal whatever their field is called, but whole ones of 32.
    """

    def __init__(self, rejects: Rejects, *, decimal: bool = False) -> None:
        self._note = rejects.note
        self._decimal = decimal

    def columns(self, record: Mapping[str, Any], line: str | None = None) -> dict[str, Any]:
        """Return the columns that a record feeds; those it says nothing about are not among them.

        Parameters
        ----------
        record
            The fields, nested or not.
        line
            The text that it was decoded from, where there is one.
        """
        if dict in map(type, record.values()):
            record = flattened(record)
        plan, others = plan_of(tuple(record))
        row: dict[str, Any] = {"structured": True}
        self._times(record, plan, row)
        self._ids(record, plan, row)
        for key in plan.get("severity", ()):
            found = self._severity(key, record[key])
            if found is not None:
                row["severity"] = found
                break
        for column, role in (("service", "service"), ("logger", "logger"), ("host", "host"), ("error_type", "error")):
            value = _first(record, plan.get(role, ()))
            if value is not None:
                row[column] = value
        if "request" in plan:
            row["request_id"] = _first(record, plan["request"])
        self._body(record, plan, row)
        if "named" in plan:
            # pino and bunyan, whose levels are numbers, name the application so; others their logger.
            numeric = any(type(record[key]) is int for key in plan.get("severity", ()))
            name = text(record[plan["named"][0]])
            if name is not None and _NAME.fullmatch(name):
                row.setdefault("service" if numeric else "logger", name)
        if "stack" in plan and "error_type" not in row:
            row["error_type"] = error_in(_first(record, plan["stack"]))
        if others or "stack" in plan:
            row["fields"] = line if line is not None else _dumped(record)
        return row

    def _times(self, record: Mapping[str, Any], plan: Mapping[str, tuple[str, ...]], row: dict[str, Any]) -> None:
        for key in plan.get("time", ()):
            time_ns, zoned = log_time(record[key])
            if time_ns is not None:
                row["time_ns"] = time_ns
                if not zoned:
                    self._note(NO_ZONE)
                return

    def _ids(self, record: Mapping[str, Any], plan: Mapping[str, tuple[str, ...]], row: dict[str, Any]) -> None:
        for key in plan.get("trace", ()):
            found = trace_id_of(record[key], decimal=self._decimal or is_decimal_key(key))
            if found is None:
                header = trace_parent(record[key])
                if header is None:
                    if str(record[key]) not in _NO_IDS:
                        self._note(NO_ID)
                    continue
                row["trace_id_high"], row["trace_id_low"], row["span_id"], _ = header
                return
            if found != (0, 0):
                row["trace_id_high"], row["trace_id_low"] = found
                # Beside a hexadecimal trace id, the span's is hexadecimal as well.
                decimal = self._decimal and str(record[key]).isdecimal() and len(str(record[key])) < 32
                for span_key in plan.get("span", ()):
                    span = span_id_of(record[span_key], decimal=decimal or is_decimal_key(span_key))
                    if span:
                        row["span_id"] = span
                        break
                return
        for key in plan.get("parent", ()):
            header = trace_parent(record[key])
            if header is not None:
                row["trace_id_high"], row["trace_id_low"], row["span_id"], _ = header
                return

    def _severity(self, key: str, value: Any) -> str | None:
        return severity(value, None) if "number" in key.lower() else level(value)

    def _body(self, record: Mapping[str, Any], plan: Mapping[str, tuple[str, ...]], row: dict[str, Any]) -> None:
        for key in plan.get("message", ()):
            value = record[key]
            if type(value) is str and value:
                row["body"] = value
                break
        said = "body" in row
        if "flags" in plan or ("code" in plan and "path" in plan and not said):
            row.update(self._access(record, plan, said))
        elif not said:
            # A record without a message says something all the same: its fields.
            row["body"] = "{" + ", ".join(sorted(map(str, record))[:50]) + "}"

    def _access(self, record: Mapping[str, Any], plan: Mapping[str, tuple[str, ...]], said: bool) -> dict[str, Any]:
        asked = [_first(record, plan.get(role, ())) for role in ("method", "path")]
        fields = {
            "request": " ".join(filter(None, asked)),
            "code": _first(record, plan.get("code", ())),
            "flags": _first(record, plan.get("flags", ())),
            "peer": _first(record, plan.get("peer", ())),
            "attempts": _first(record, plan.get("attempts", ()))
            or listed_attempts(_first(record, (*plan.get("listed", ()), *plan.get("peer", ())))),
        }
        columns = access_columns(fields)
        if said or columns["body"] is None:
            columns.pop("body")
        return columns


def error_in(stack: str | None) -> str | None:
    """Return the type of the exception that a stack trace tells; None where it shows none."""
    lines = stack.strip().split("\n") if stack else []
    if not lines:
        return None
    ends = (lines[0], lines[-1]) if not lines[0].startswith("Traceback") else (lines[-1],)
    for line in ends:
        found = _ERROR.search(line[:500])
        if found is not None:
            return found[0]
    return None


def _first(record: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = record[key]
        if value is not None and type(value) not in {dict, list} and value != "":
            return value if type(value) is str else text(value)
    return None


def _dumped(record: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(record).decode()[:_REST_LIMIT]
    except (TypeError, orjson.JSONEncodeError):
        return str(dict(record))[:_REST_LIMIT]
