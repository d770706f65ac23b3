"""Fixtures that the tests of every room share, and what continuous integration may not skip."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from tests.sharing import compile_in_turn

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"
IN_CI = os.environ.get("CI") == "true"

CHROMIUM_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
)

# Kernels compile during the first example, on machines of any load: time says nothing about a property.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "local")


def pytest_configure(config: pytest.Config) -> None:
    """Let processes that share the tests compile each kernel once."""
    if hasattr(config, "workerinput"):
        compile_in_turn(Path(config.option.basetemp).parent)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Search for circles of garbage when all tests are found: thousands, none of them garbage; a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that draw in Chromium, and run them last.

    Playwright keeps an event loop running in the main thread for as long as its browser is open, and ``asyncio.run``
    refuses to start beside one.
    """
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def shared_exports() -> Path:
    """Return the folder of real exports beside the checkout."""
    return _folder_beside_checkout("exports")


@pytest.fixture(scope="session")
def shared_conformance() -> Path:
    """Return the folder of conformance cases beside the checkout."""
    return _folder_beside_checkout("conformance")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Open headless Chromium, once for all tests; each takes a page or a context of its own and closes it."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_COMMANDS)), None)
    if executable is None:
        _leave_out("Chromium is not installed (Debian: apt-get install chromium), so no page was drawn")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()


def _folder_beside_checkout(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        _leave_out(f"../shared/{name} is not beside this checkout, so nothing was read from it")
    return folder


def _leave_out(reason: str) -> NoReturn:
    """Skip a test that this machine cannot run; in continuous integration that is a failure."""
    if IN_CI:
        pytest.fail(f"CI=true leaves nothing out: {reason}", pytrace=False)
    pytest.skip(reason)
