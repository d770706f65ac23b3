"""One report for all tests of this folder, made as a user makes it, in an environment that gets in its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.report import hostile
from tests.sharing import made_once

#: Printed by whatever of the user's a kernel must not load.
INTRUDER = "the user's own setup was loaded"
#: A folder that papermill and HTML could take for more than a name.
FOLDER = "re{port} #1 & more"
#: What making it said.
SAID = "said.json"


@dataclass(frozen=True)
class Made:
    """A report, and what making it said."""

    folder: Path
    home: Path
    said: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    """Make the report of the hostile export by the command line, from a folder of its own; once for all processes."""
    home = made_once(tmp_path_factory, "home", _make)
    said = json.loads((home / SAID).read_text(encoding="utf-8"))
    return Made(home / FOLDER, home, subprocess.CompletedProcess(**said))


def _make(home: Path) -> None:
    (home / "export.json").write_bytes(hostile.export())
    _get_in_the_way(home)
    environment = os.environ | {
        "HOME": str(home),
        "PYTHONPATH": str(REPOSITORY),
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
        "JUPYTER_PATH": str(home / ".local/share/jupyter"),
        "PLOTLY_RENDERER": "browser",
        "BROWSER": "false",
    }
    forms = ["--single-file", "--slides", "--pdf", "--pictures", "--markdown"]
    command = ["report", "export.json", "--out", FOLDER, "--title", hostile.TITLE, *forms]
    said = subprocess.run(
        [sys.executable, "-m", "analysis", *command],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    (home / SAID).write_text(json.dumps(vars(said)), encoding="utf-8")


def _get_in_the_way(home: Path) -> None:
    """Lay out what would spoil a report that took the user's own kernels and settings."""
    startup = home / ".ipython/profile_default/startup/00-intruder.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(f'raise SystemExit("{INTRUDER}")\n')
    kernel = home / ".local/share/jupyter/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["false"], "display_name": INTRUDER, "language": "python"}))
    config = home / ".jupyter/jupyter_config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"HTMLExporter": {"template_name": INTRUDER}}))
