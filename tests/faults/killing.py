"""Kill a command at a random moment, run it again, and compare with a run that nobody disturbed."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.commands.run import ROOT

__all__ = ["SCENES", "Scene", "contents", "killed_and_run_again", "undisturbed"]


@dataclass(frozen=True)
class Scene:
    """A command that writes, as arguments with ``{source}`` and ``{out}``, and which of its files are compared."""

    name: str
    arguments: tuple[str, ...]
    #: Files of executed notebooks hold when they ran.
    skipped: tuple[str, ...] = ()


SCENES = {
    "ingest": Scene("ingest", ("ingest", "{source}", "--to", "{out}", "--quiet")),
    "findings": Scene("findings", ("findings", "{source}", "--format", "json", "--out", "{out}/f.json", "--quiet")),
    "report": Scene("report", ("report", "{source}", "--out", "{out}", "--quiet"), (".ipynb", "contents.json", ".log")),
}


def contents(folder: Path, skipped: Sequence[str] = ()) -> dict[str, str]:
    """Return the hash of every file in a folder, by its name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(tuple(skipped))
    }


def undisturbed(scene: Scene, source: Path, out: Path) -> tuple[dict[str, str], float]:
    """Run a scene to its end; return what it wrote and the seconds that it took."""
    began = time.monotonic()
    done = subprocess.run(_command(scene, source, out), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return contents(out, scene.skipped), time.monotonic() - began


def killed_and_run_again(scene: Scene, source: Path, out: Path, after: float) -> tuple[dict[str, str], bool]:
    """Run a scene, kill it and all that it started after some seconds, and run it again.

    Returns
    -------
    tuple
        What the second run wrote, and whether the first one was killed before it had ended.
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
    return undisturbed(scene, source, out)[0], killed


def moments(random_: random.Random, seconds: float, count: int) -> list[float]:
    """Return moments of a run that takes some seconds: while it starts, while it works, and while it writes."""
    return [random_.uniform(0.05, seconds) for _ in range(count)]


def _command(scene: Scene, source: Path, out: Path) -> list[str]:
    filled = [part.format(source=source, out=out) for part in scene.arguments]
    return [sys.executable, "-m", "analysis", *filled]
