"""What the documentation says works: its commands, its Python, its pictures, its links, and its tables.

A page of the documentation is ``README.md`` or a page under ``notebooks/guide``. Its ``console`` blocks hold commands
of ``archreview``, one a line, and are run one after the other in a folder where ``data`` is the project's and all else
is free to be written; a line may continue after a backslash, and a comment may follow. A command that needs what only
the reader has stands in a block without a language.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from analysis import cli, config, sources
from analysis.commands import COMMANDS
from analysis.report import build
from tests.notebooks.running import execute_here

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "notebooks" / "guide").glob("*.md"))]


def blocks(language: str, page: Path = PAGES[0]) -> list[str]:
    """Return the code blocks of a language on a page, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Return the commands of a page's console blocks, in order."""
    return [
        line for block in blocks("console", page) for line in block.replace("\\\n", " ").splitlines() if line.strip()
    ]


#: What a report of the sample may weigh, with its notebooks and the review that they open: less than 8 MiB, so that the
#: next figure does not reach them.
REPORT_AT_MOST = 7.5 * 2**20
#: Of this page a report executes every notebook, so that it weighs what it weighs: the incident held against what was
#: before, the heaviest of the sample. It does so in this process, because kernels for all take a minute; of the others
#: it executes the first, which shows most, in a kernel.
WHOLE_REPORTS = ("schedule.md",)
WITH_COMMANDS = [page for page in PAGES if commands(page)]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.name)
def test_commands_run(page, tmp_path, monkeypatch, capsys):
    (tmp_path / "data").symlink_to(REPOSITORY / "data", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    if page.name in WHOLE_REPORTS:
        monkeypatch.setattr(build, "execute", execute_here)
        # What a cell prints is told apart by what is printed meanwhile.
        monkeypatch.setattr(build, "_KERNELS", 1)
    else:
        every = build.notebooks()
        monkeypatch.setattr(build, "notebooks", lambda: every[:1])
    for line in commands(page):
        name, *arguments = shlex.split(line, comments=True)
        assert name == "archreview", line
        code = cli.main(arguments)
        said = capsys.readouterr()
        # A limit that was set to be reached is no failure (`--fail-on`).
        assert code == 0 or (code == 3 and "--fail-on" in arguments), f"{line}\n{said.err}"
        assert said.out.strip() or said.err.strip(), line
    for index in tmp_path.glob("*/index.html"):
        files = [path.stat().st_size for path in index.parent.rglob("*") if path.is_file()]
        assert sum(files) < REPORT_AT_MOST, f"the report of the sample in {index.parent.name} grew"


def test_there_are_commands_to_run():
    assert len(commands(PAGES[0])) >= 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_are_there(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_command_that_there_is_not(page):
    named = set(re.findall(r"archreview ([a-z][a-z-]+)", page.read_text(encoding="utf-8")))
    assert sorted(named - set(COMMANDS)) == []


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
    for target in set(re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
