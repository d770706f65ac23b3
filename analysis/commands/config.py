"""``archreview config init|check|show|schema``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from analysis import config
from analysis._wording import counted
from analysis.commands._options import NotThere, WrongUsage
from analysis.commands._speaking import give, say
from analysis.config import ConfigurationError
from analysis.config._pipelines import PIPELINES

__all__ = ["run"]

_SCHEMA_FILE: Final = "review.schema.json"
_WRONG: Final = 2


def run(options: argparse.Namespace) -> int:
    """Begin, check or show a configuration."""
    return _ACTIONS[options.action](options)


def _init(options: argparse.Namespace) -> int:
    """Write a file to begin with, and the schema beside it; what is there already stays."""
    path = Path(options.file)
    if options.ci is not None:
        _init_pipeline(options.ci)
        if path.exists():
            return 0
    if path.exists():
        raise WrongUsage(f"{path} is there already: `archreview config check {path}` says whether it is right")
    give(config.template(), str(path))
    schema = path.with_name(_SCHEMA_FILE)
    give(_schema_text(), str(schema))
    say(f"wrote {path}, and {schema} by which editors complete and check it")
    return 0


def _init_pipeline(pipeline: str) -> None:
    files = PIPELINES[pipeline]
    for name in files:
        if Path(name).exists():
            raise WrongUsage(f"{name} is there already: move it, or take from it what you need")
    for name, content in files.items():
        give(content, name)
        say(f"wrote {name}")


def _check(options: argparse.Namespace) -> int:
    path = _there(options.file)
    try:
        settings = config.load(path)
    except ConfigurationError as error:
        for problem in error.problems:
            say(problem)
        say(f"{counted(len(error.problems), 'problem')} in {path}")
        return _WRONG
    changes = ", ".join(
        (
            counted(sum(len(limits) for limits in settings.limits.values()), "limit"),
            counted(len(settings.severity), "severity", "severities"),
            counted(len(settings.rules), "rule"),
            counted(len(settings.acknowledgements), "acknowledgement"),
        )
    )
    print(f"{path}: nothing wrong; {changes}")
    return 0


def _show(options: argparse.Namespace) -> int:
    """Show what is in force; the defaults where there is no file and none was named."""
    named = options.file != "review.yml" or Path(options.file).exists()
    print(config.effective(config.load(_there(options.file) if named else None)), end="")
    return 0


def _schema(_options: argparse.Namespace) -> int:
    print(_schema_text(), end="")
    return 0


def _schema_text() -> str:
    return json.dumps(config.json_schema(), indent=1, ensure_ascii=False) + "\n"


def _there(name: str) -> Path:
    path = Path(name)
    if not path.exists():
        raise NotThere(f"{path}: there is no such file; `archreview config init` writes one to begin with")
    return path


_ACTIONS: Final = {"init": _init, "check": _check, "show": _show, "schema": _schema}
