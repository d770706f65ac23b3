"""What the first page says works: its commands, its Python, its pictures, and its tables."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from analysis import cli, config, sources
from analysis.commands import COMMANDS

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


COMMAND_LINES = [line for block in blocks("console") for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_command_runs(line, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    name, *arguments = shlex.split(line)
    assert name == "archreview"
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.strip()


def test_there_are_commands_to_run():
    assert len(COMMAND_LINES) >= 5


@pytest.mark.slow
def test_python_runs(tmp_path, monkeypatch):
    (source,) = blocks("python")
    monkeypatch.chdir(REPOSITORY)
    names: dict[str, object] = {}
    exec(compile(source.replace("reports/kept", str(tmp_path / "kept")), "README.md", "exec"), names)
    assert len(names["result"].findings) > 0
    assert (tmp_path / "kept" / "findings.json").is_file()


def test_configuration_is_valid():
    (text,) = blocks("yaml")
    assert config.load(yaml.safe_load(text)).limits


def test_links_and_pictures_are_there_and_small():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    pictures = [REPOSITORY / target for target in targets if target.endswith(".png")]
    assert all((REPOSITORY / target).is_file() for target in targets)
    assert pictures
    assert all(picture.stat().st_size <= 300_000 for picture in pictures)


def test_formats_are_those_that_are_read():
    named = re.findall(r"^\| `([a-z0-9-]+)` \|", README, flags=re.MULTILINE)
    assert sorted(named) == sorted(source.NAME for source in sources.discover())


def test_every_command_is_named():
    assert [name for name in COMMANDS if f"`archreview {name}" not in README] == []


def test_targets_of_make_are_there():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
