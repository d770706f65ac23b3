"""The keys of ``review.yml``, with what each is for."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from analysis import detectors
from analysis.config._values import Choice, Date, Flag, Kind, Many, Names, Number, Problems, Section, Text
from analysis.findings import SEVERITIES

__all__ = ["ACKNOWLEDGEMENT", "IGNORE", "KINDS", "shape"]

#: The severity of what a team does not want to hear of.
IGNORE: Final = "ignore"
KINDS: Final = ("any", "sync", "async", "data")
_NAME: Final = Text("* stands for any text, ? for any character; a pattern that begins with ! takes names out again")
_LINK: Final = Text(
    "where a trace can be opened: {trace_id}, {span_id}, {start_ms}, {end_ms} and {trace_id_low} are filled in",
    r"^https?://[^\s<>\"']+$",
    "an address that begins with http:// or https://",
)

ACKNOWLEDGEMENT: Final = Section(
    "a finding that is known and accepted for a time",
    {
        "finding": Text("id of the finding", r"^[0-9a-f]{16}$", "the id of a finding: 16 hexadecimal digits"),
        "reason": Text("why it is accepted"),
        "owner": Text("who answers for that"),
        "expires": Date("the last day on which it is accepted; afterwards it counts again"),
    },
    required=("finding", "reason", "owner", "expires"),
)
_EDGE: Final = Section(
    "from whom to whom",
    {
        "from": Text("pattern of the caller: a service"),
        "to": Text("pattern of the callee: a service, a store such as postgresql://db/*, a queue such as kafka://*"),
        "kind": Choice("how: any (default), sync, async or data", KINDS),
    },
    required=("from", "to"),
)
_RULE: Final = Section(
    "a dependency that may not be, or has to be",
    {
        "forbid": _EDGE,
        "require": _EDGE,
        "reason": Text("why, as a reader of the finding is told"),
    },
    one_of=("forbid", "require"),
)


@cache
def shape() -> Section:
    """Return the description of the whole file."""
    return Section("configuration of an architecture review", _members())


def _members() -> dict[str, Kind]:
    catalogue = detectors.discover()
    limits: dict[str, Kind] = {
        name: Section(
            detector.INFO.title,
            {
                limit: Number(f"{one.meaning}{f' ({one.unit})' if one.unit else ''}; {one.source}", one.value)
                for limit, one in detector.INFO.limits.items()
            },
        )
        for name, detector in catalogue.items()
    }
    severities: dict[str, Kind] = {
        name: Choice(f"severity of what this detector finds: {detector.INFO.title}", (*SEVERITIES, IGNORE))
        for name, detector in catalogue.items()
    }
    return {
        "limits": Section("limits that differ from the defaults, by detector", limits),
        "severity": Section("severities that differ from what the rules say, by detector", severities),
        "services": Section(
            "what services are called, and which part they play",
            {
                "aliases": Names("pattern of a service: the name it is seen under", Text("name")),
                "gateways": Many("services that call many, or pass requests on, by design", _NAME),
                "back_offices": Many("services that correct data of others by design", _NAME),
                "exclude": Many("services that are left out, such as load generators", _NAME),
            },
        ),
        "operations": Section(
            "which part operations play; a pattern of an operation, or of `service operation`",
            {
                "batch": Many("operations that work through many things by design", _NAME),
                "health_checks": Many("operations that only say whether a process lives", _NAME),
                "exclude": Many("operations at which traces begin that are left out", _NAME),
            },
        ),
        "stores": Section(
            "what data stores are called",
            {
                "aliases": Names(
                    "pattern of a store (host, host:port or system://host:port/database): the store it is",
                    Text("host, host:port or host:port/database"),
                )
            },
        ),
        "catalogue": Text("path of a service catalogue: a Backstage file, a folder of these, or a CSV"),
        "alerts": Many("alerts that exist: rule files of Prometheus, folders of these, or globs", Text("path")),
        "trace_url": _LINK,
        "redaction": Section(
            "what reports may show",
            {
                "show_values": Flag("show values of users (statements, addresses, messages) and say so on the report"),
                "patterns": Many("regular expressions of what is masked in names too", Text("regular expression")),
                "dataset": Flag("keep no values in the dataset either"),
            },
        ),
        "rules": Many("dependencies that are forbidden or required", _RULE),
        "acknowledgements": _Acknowledgements(),
    }


class _Acknowledgements:
    """A file of acknowledgements, or the list itself."""

    meaning = "findings that are known and accepted for a time: a file, or the list itself"

    def check(self, value: Any, path: tuple[str, ...], problems: Problems) -> Any:
        """Return the name of the file, or the list checked."""
        if isinstance(value, str):
            return value
        return Many(self.meaning, ACKNOWLEDGEMENT).check(value, path, problems)

    def to_schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "anyOf": [{"type": "string"}, {"type": "array", "items": ACKNOWLEDGEMENT.to_schema()}],
            "description": self.meaning,
        }
