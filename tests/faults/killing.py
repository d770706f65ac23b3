"""Kill a command at a random moment, run it again, and compare with a run that nobody disturbed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.commands.run import ROOT

__all__ = ["SCENES", "Scene", "contents", "killed_and_run_again", "moments", "undisturbed"]


@dataclass(frozen=True)
class Scene:
    """A program that writes, as arguments of Python with ``{source}`` and ``{out}``, and which files are compared.

    Of every sixteen kills a scene has as many as its weight; one without any is killed where it is named.
    """

    name: str
    arguments: tuple[str, ...]
    weight: int


_COMMAND = ("-m", "analysis")
_SAVING = "import sys, analysis as an; an.review(an.open_export(sys.argv[1])).save(sys.argv[2])"
#: A report of two chapters takes the same steps as one of ten, in a quarter of the time.
_REPORTING = (
    "import sys; from analysis.cli import main; from analysis.report import build, execution; "
    "build.notebooks = lambda: [path for path in execution.notebooks() if path.name[:2] in ('00', '08')]; "
    "sys.exit(main(['report', sys.argv[1], '--out', sys.argv[2], '--quiet']))"
)
SCENES = {
    "ingest": Scene("ingest", (*_COMMAND, "ingest", "{source}", "--to", "{out}", "--quiet"), 8),
    "review": Scene("review", ("-c", _SAVING, "{source}", "{out}"), 4),
    "findings": Scene(
        "findings", (*_COMMAND, "findings", "{source}", "--format", "json", "--out", "{out}/f.json", "--quiet"), 3
    ),
    "report": Scene("report", ("-c", _REPORTING, "{source}", "{out}"), 1),
    "whole report": Scene("whole report", (*_COMMAND, "report", "{source}", "--out", "{out}", "--quiet"), 0),
}


def contents(folder: Path) -> dict[str, str]:
    """Return the hash of every file in a folder, by its name; of notebooks without the times at which they ran."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(_lasting(path)).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _lasting(path: Path) -> bytes:
    if path.suffix != ".ipynb":
        return path.read_bytes()
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for part in (notebook, *notebook["cells"]):
        for name in ("papermill", "execution"):
            part["metadata"].pop(name, None)
    return json.dumps(notebook, sort_keys=True).encode()


def undisturbed(scene: Scene, source: Path, out: Path) -> tuple[dict[str, str], float]:
    """Run a scene to its end; return what it wrote and the seconds that it took."""
    began = time.monotonic()
    done = subprocess.run(_command(scene, source, out), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return contents(out), time.monotonic() - began


def killed_and_run_again(scene: Scene, source: Path, out: Path, after: float) -> tuple[dict[str, str], bool, float]:
    """Run a scene, kill it and all that it started after some seconds, and run it again.

    Returns
    -------
    tuple
        What the second run wrote, whether the first one was killed before it had ended, and the seconds that the
        second one took.
    """
    with subprocess.Popen(
        _command(scene, source, out),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            running.wait(timeout=after)
            killed = False
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            killed = True
    written, seconds = undisturbed(scene, source, out)
    return written, killed, seconds


def moments(random_: random.Random, seconds: float, count: int) -> list[float]:
    """Return moments of a run that takes some seconds: while it starts, while it works, and while it writes."""
    return [random_.uniform(0.05, seconds) for _ in range(count)]


def _command(scene: Scene, source: Path, out: Path) -> list[str]:
    filled = [part.format(source=source, out=out) for part in scene.arguments]
    return [sys.executable, *filled]
