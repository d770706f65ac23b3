"""From a file to a configuration: everything that is wrong with it is said, each with its line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any, Final

from analysis._masking import Hidden
from analysis.catalogue import Catalogue, CatalogueError, read_catalogue
from analysis.config._model import Acknowledgement, Configuration, Redaction, patterns
from analysis.config._shape import ACKNOWLEDGEMENT, shape
from analysis.config._values import Many, Problems, nearest
from analysis.config._yaml import CannotRead, read_yaml
from analysis.dataset.view import View
from analysis.detectors import Roles, Rule
from analysis.existing_alerts import AlertFileError, Alerts, read_alerts

__all__ = ["PLACEHOLDERS", "ConfigurationError", "load"]

#: What may stand in the address of a trace.
PLACEHOLDERS: Final = ("trace_id", "trace_id_low", "span_id", "start_ms", "end_ms")


class ConfigurationError(ValueError):
    """The configuration cannot be used; the message names the file, the line and the remedy.

    Attributes
    ----------
    problems
        All that is wrong, a sentence each; the message is the first, and says how many more there are.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        more = f" (and {len(problems) - 1} more: archreview config check)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")


def load(source: str | Path | Mapping[str, Any] | Configuration | None) -> Configuration:
    """Read and check a configuration.

    Parameters
    ----------
    source
        A path to a YAML file, its content as a mapping, a configuration, or None (or "", as a notebook's parameter has
        it) for the defaults. Files that it names are looked for in its folder.

    Raises
    ------
    ConfigurationError
        If a file cannot be read, or a key or value is not known.
    """
    if source is None or source == "":
        return Configuration()
    if isinstance(source, Configuration):
        return source
    if isinstance(source, Mapping):
        return _checked(source, Problems("the configuration"), Path())
    content, lines = _read(source)
    return _checked({} if content is None else content, Problems(str(source), lines), Path(source).parent)


def _read(path: str | Path) -> tuple[Any, dict[tuple[str, ...], int]]:
    try:
        return read_yaml(path)
    except CannotRead as error:
        raise ConfigurationError(f"{path} cannot be read as a configuration: {error}") from error


def _checked(content: Any, problems: Problems, folder: Path) -> Configuration:
    if not isinstance(content, Mapping):
        problems.add((), "the top must hold names with values")
        raise ConfigurationError(*problems.said)
    values = shape().check(content, (), problems)
    _check_address(values.get("trace_url", ""), problems)
    for place, pattern in enumerate(values.get("redaction", {}).get("patterns", ())):
        _check_expression(pattern, ("redaction", "patterns", str(place)), problems)
    known = values.get("acknowledgements", ())
    if problems.said:
        raise ConfigurationError(*problems.said)
    if isinstance(known, str):
        known = _acknowledged(folder / known)
    catalogue = _catalogue(values, folder, problems)
    hidden = Hidden(tuple(values.get("redaction", {}).get("patterns", ())))
    catalogue = Catalogue.from_json({name: hidden(text) for name, text in row.items()} for row in catalogue.to_json())
    services, operations = values.get("services", {}), values.get("operations", {})
    return Configuration(
        limits=values.get("limits", {}),
        severity=values.get("severity", {}),
        view=View(
            services=tuple(services.get("aliases", {}).items()),
            stores=tuple(values.get("stores", {}).get("aliases", {}).items()),
            without_services=patterns(services.get("exclude")),
            without_entries=patterns(operations.get("exclude")),
            hidden=hidden,
        ),
        roles=Roles(
            gateways=patterns(services.get("gateways")),
            back_offices=patterns(services.get("back_offices")),
            batch=patterns(operations.get("batch")),
            health_checks=patterns(operations.get("health_checks")),
        ),
        catalogue=catalogue,
        catalogue_path=values.get("catalogue", ""),
        alerts=_alerts(values, folder, problems),
        alert_paths=tuple(values.get("alerts", ())),
        trace_url=values.get("trace_url", ""),
        redaction=Redaction(**values.get("redaction", {})),
        rules=tuple(_rule(members) for members in values.get("rules", ())),
        acknowledgements=tuple(Acknowledgement(**members) for members in known),
    )


def _catalogue(values: Mapping[str, Any], folder: Path, problems: Problems) -> Catalogue:
    if "catalogue" not in values:
        return Catalogue()
    try:
        return read_catalogue(folder / values["catalogue"])
    except CatalogueError as error:
        problems.add(("catalogue",), str(error))
        raise ConfigurationError(*problems.said) from error


def _alerts(values: Mapping[str, Any], folder: Path, problems: Problems) -> Alerts:
    try:
        return read_alerts(values.get("alerts", ()), folder)
    except AlertFileError as error:
        problems.add(("alerts",), str(error))
        raise ConfigurationError(*problems.said) from error


def _rule(members: Mapping[str, Any]) -> Rule:
    edge = members.get("forbid") or members["require"]
    kind = edge.get("kind", "any")
    return Rule("forbid" in members, edge["from"], edge["to"], kind, members.get("reason", ""))


def _acknowledged(path: Path) -> tuple[dict[str, str], ...]:
    content, lines = _read(path)
    problems = Problems(str(path), lines)
    many = Many("acknowledgements", ACKNOWLEDGEMENT)
    known: tuple[dict[str, str], ...] = () if content is None else many.check(content, (), problems)
    if problems.said:
        raise ConfigurationError(*problems.said)
    return known


def _check_address(address: str, problems: Problems) -> None:
    try:
        named = [name for _, name, form, conversion in Formatter().parse(address) if name is not None]
        odd = [name for _, name, form, conversion in Formatter().parse(address) if form or conversion]
    except ValueError:
        problems.add(("trace_url",), "trace_url has a brace without its other half: write {{ for a brace itself")
        return
    for name in (*named, *odd):
        if name not in PLACEHOLDERS or name in odd:
            problems.add(("trace_url",), f"trace_url: unknown placeholder {name!r}{nearest(name, PLACEHOLDERS)}")


def _check_expression(pattern: str, path: tuple[str, ...], problems: Problems) -> None:
    try:
        with warnings.catch_warnings():
            # What the next version of Python will read in another way is not clear in this one either.
            warnings.simplefilter("error", FutureWarning)
            re.compile(pattern)
    except (re.error, FutureWarning, RecursionError, OverflowError) as error:
        problems.add(path, f"{pattern[:60]!r} is no regular expression: {error}")
