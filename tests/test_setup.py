"""The environment is the lock's, by whichever way it was made, and the repository holds nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

REPOSITORY = Path(__file__).resolve().parent.parent
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "analysis",
    "data",
    "environment.yml",
    "notebooks",
    "pyproject.toml",
    "requirements.lock",
    "tests",
}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def conda() -> dict:
    return yaml.safe_load((REPOSITORY / "environment.yml").read_text())


def direct_dependencies(project: dict) -> list[Requirement]:
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(text) for group in groups for text in group]


def locked_versions(python: str) -> dict[str, str]:
    """Return each package's version in the lock on Linux with this Python, such as "3.11"."""
    place = default_environment() | {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "python_full_version": f"{python}.99",
        "python_version": python,
        "sys_platform": "linux",
    }
    pins = [pin for pin, _ in lock_entries() if pin.marker is None or pin.marker.evaluate(place)]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}


def lock_entries() -> list[tuple[Requirement, int]]:
    """Return each pin of the lock with the number of its hashes."""
    text = re.sub(r"^ *#.*\n", "", (REPOSITORY / "requirements.lock").read_text(), flags=re.MULTILINE)
    entries = []
    for entry in text.replace("\\\n", " ").splitlines():
        pin, *hashes = entry.split("--hash=sha256:")
        entries.append((Requirement(pin.strip()), len(hashes)))
    return entries


def conda_versions(conda: dict) -> dict[str, str]:
    """Return the version of every package that environment.yml names, those from PyPI included."""
    pins = [pin for pin in conda["dependencies"] if isinstance(pin, str) and pin != "pip"]
    (from_pypi,) = [part["pip"] for part in conda["dependencies"] if isinstance(part, dict)]
    pins += [pin.replace("==", "=") for pin in from_pypi if not pin.startswith("--")]
    return dict(pin.split("=") for pin in pins)


def test_lock_pins_every_package_with_hashes():
    entries = lock_entries()
    assert len(entries) > 100
    for pin, hash_count in entries:
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), f"{pin} names no single version"
        assert hash_count > 0, f"{pin} has no hash"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_lock_answers_every_dependency_of_the_project(project, python):
    locked = locked_versions(python)
    for dependency in direct_dependencies(project):
        assert dependency.name in locked, f"{dependency.name} is not in the lock: make lock"
        assert dependency.specifier.contains(locked[dependency.name]), f"{dependency} is not locked: make lock"


def test_conda_environment_has_the_versions_of_the_lock(conda):
    versions = conda_versions(conda)
    locked = locked_versions(versions.pop("python"))
    differing = {name: version for name, version in versions.items() if version != locked.get(name)}
    assert not differing, f"environment.yml differs from the lock, which has {[locked.get(name) for name in differing]}"


def test_conda_environment_names_every_direct_dependency(conda, project):
    needed = {dependency.name for dependency in direct_dependencies(project)}
    assert needed <= conda_versions(conda).keys()


def test_conda_environment_is_usable(conda, project):
    assert conda["name"] == "archreview"
    assert conda["channels"] == ["conda-forge", "nodefaults"]
    assert SpecifierSet(project["requires-python"]).contains(conda_versions(conda)["python"])


def test_top_level_holds_what_the_readme_explains():
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout: what is tracked cannot be told from what was made")
    command = ["git", "-c", f"safe.directory={REPOSITORY}", "ls-files", "-z"]
    tracked = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    names = {path.split("/")[0] for path in tracked.split("\0") if path}
    assert names == TOP_LEVEL
    assert {path.split("/")[1] for path in tracked.split("\0") if path.startswith("data/")} == {"samples"}


# Stands in for both the interpreter that makes the environment and the one in it, and notes how it was called.
RECORDING_PYTHON = """#!/bin/sh
case "$1 $2" in
  "-c print"*) echo works ;;
  "-m venv") rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo venv >> calls ;;
  "-m pip") case "$*" in *--require-hashes*) echo locked >> calls ;; *"--no-deps"*) echo editable >> calls ;; esac ;;
  --version*) echo recording ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with only what `make setup` reads, and an interpreter that installs nothing."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(REPOSITORY / name, tmp_path)
    (tmp_path / "recording").write_text(RECORDING_PYTHON)
    (tmp_path / "recording").chmod(0o755)
    return tmp_path


def calls_of_setup(checkout: Path, python: str = "./recording") -> list[str]:
    """Run `make setup` and return what it had to do."""
    (checkout / "calls").write_text("")
    # Without the variables through which an outer make talks to an inner one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(["make", "setup", f"PYTHON={python}"], cwd=checkout, env=environment, check=True)
    return (checkout / "calls").read_text().split()


def test_setup_installs_the_lock_then_the_project_once(checkout):
    assert calls_of_setup(checkout) == ["venv", "locked", "editable"]
    assert calls_of_setup(checkout) == []


def test_setup_heeds_what_files_say_not_when_they_were_written(checkout):
    calls_of_setup(checkout)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        os.utime(checkout / name, (4e9, 4e9))
    assert calls_of_setup(checkout) == []


def test_setup_starts_anew_when_the_lock_changed(checkout):
    calls_of_setup(checkout)
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# renewed\n")
    assert calls_of_setup(checkout) == ["venv", "locked", "editable"]
    assert calls_of_setup(checkout) == []


def test_setup_reinstalls_only_the_project_when_its_description_changed(checkout):
    calls_of_setup(checkout)
    with (checkout / "pyproject.toml").open("a") as description:
        description.write("# changed\n")
    assert calls_of_setup(checkout) == ["editable"]
    assert calls_of_setup(checkout) == []


def test_setup_starts_anew_when_its_interpreter_is_gone(checkout):
    calls_of_setup(checkout)
    (checkout / ".venv/bin/python").unlink()
    assert calls_of_setup(checkout) == ["venv", "locked", "editable"]


def test_setup_starts_anew_in_a_moved_checkout(checkout, tmp_path_factory):
    calls_of_setup(checkout)
    moved = checkout.rename(tmp_path_factory.mktemp("elsewhere") / "checkout")
    assert calls_of_setup(moved) == ["venv", "locked", "editable"]


def test_setup_says_that_it_needs_a_later_python(checkout):
    (checkout / "old").write_text("#!/bin/sh\nexit 1\n")
    (checkout / "old").chmod(0o755)
    command = ["make", "setup", "PYTHON=./old ./absent"]
    result = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "No Python 3.11 or later" in result.stderr
    assert not (checkout / ".venv").exists()
