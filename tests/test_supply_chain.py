"""What is taken from others: under licences that fit, listed, and without a network at run time."""

from __future__ import annotations

import re
import socket
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import analysis as an
from analysis import outputs
from tests.shop import shop_file

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "notebooks" / "guide" / "supply-chain.md"
#: Licences under which a program of Apache 2.0 may use a package; weak copyleft covers the package's own files only.
FITTING = re.compile(
    r"(?i)apache|bsd|\bmit\b|isc|psf|python software foundation|mpl|mozilla public|zlib|unlicense|cc0|0bsd|hpnd|lgpl"
)
#: What names no licence in its metadata, and where it was read instead.
READ_BY_HAND: dict[str, str] = {}


def requirements(name: str, extras: tuple[str, ...] = ()) -> set[str]:
    """Return the packages that one needs to run, and those need in turn, as they are installed."""
    found: set[str] = set()
    waiting = [(name, extras)]
    while waiting:
        package, wanted = waiting.pop()
        for text in metadata.requires(package) or ():
            one = Requirement(text)
            applies = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *wanted))
            key = one.name.lower().replace("_", "-")
            if applies and key not in found and _installed(one.name):
                found.add(key)
                waiting.append((one.name, tuple(one.extras)))
    return found


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def licence(package: str) -> str:
    """Return what a package says of its licence."""
    about = metadata.metadata(package)
    classified = [line for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    named = about.get("License-Expression") or ", ".join(line.rsplit(" :: ", 1)[-1] for line in classified)
    return named or next(iter((about.get("License") or "").splitlines()), "")


PACKAGES = sorted(requirements("archreview", ("cluster", "export", "capture")))


def test_there_are_packages_to_look_at():
    assert {"numpy", "pandas", "pyarrow", "numba", "plotly", "papermill"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_licence_fits(package):
    named = licence(package) or READ_BY_HAND.get(package, "")
    assert FITTING.search(named), f"{package}: {named!r}"
    assert not re.search(r"(?i)\bA?GPL", re.sub(r"(?i)lgpl", "", named)) or " or " in named.lower(), named


def test_every_direct_dependency_is_listed_with_its_licence():
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    direct = {Requirement(text).name.lower() for text in metadata.requires("archreview") or () if "extra" not in text}
    assert listed == direct


def test_no_network_is_asked_at_run_time(tmp_path, monkeypatch):
    path = shop_file(tmp_path / "shop.jsonl")

    def refused(*_args, **_more):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    result = an.review(an.ingest(path, tmp_path / "data"))
    for form in outputs.FORMATS:
        outputs.write(result, form)
    an.open_review(result.save(tmp_path / "review"))
    an.figures.service_map(result).to_json()


def test_what_an_export_says_is_no_code_of_a_notebook(tmp_path):
    """Names go into notebooks as data: what is executed is the same whatever the export says."""
    import nbformat

    sources = []
    for notebook in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(notebook, as_version=4).cells
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        sources.append(code)
        text = "\n".join(code)
        assert not re.search(r"\b(eval|exec|compile|__import__|getattr|open|os\.system|subprocess)\(", text), (
            notebook.name
        )
    assert sources
