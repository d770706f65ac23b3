"""What lies behind addresses (``s3://…``, ``https://…``): asked for a bounded time, and told by its name when it fails.

A store that errs or falls silent is asked again, a few times; then the run ends, because what was read by then is not
the whole. What is simply not there, or may not be read, is for the caller to say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, cast

from fsspec import config
from fsspec.core import url_to_fs

from analysis._masking import masked

__all__ = ["SECONDS", "Asked", "StoreError", "asking", "of_the_server", "open_address", "reach"]

#: Where it is said how long a store may be silent before it is asked again.
SECONDS: Final = "ARCHREVIEW_STORE_SECONDS"
_SECONDS: Final = 15.0
#: How long a connection may take to be made, at most.
_CONNECTING_SECONDS: Final = 5.0
#: How often the driver of S3 asks again: for each answer, and for each whole body. Multiplied with one another, these
#: bound the time that one object may take to eight silences.
_TIMES: Final = 2
_S3: Final = frozenset({"s3", "s3a"})
_HTTP: Final = frozenset({"http", "https"})
#: Answers by which a server says that it, and not the question, is at fault.
_SERVER_ERRORS: Final = 500
_TOO_MANY: Final = 429
#: What the caller says in its own words.
_SAID_BY_THE_CALLER: Final = (FileNotFoundError, PermissionError, NotADirectoryError, ValueError, ImportError)


class StoreError(Exception):
    """A store failed: the message names the address, what went wrong, and what to do."""


def reach(address: str) -> tuple[Any, str]:
    """Return the file system that fsspec has for an address, bounded in time, and the path in it."""
    protocols = {part.partition("://")[0] for part in address.split("::") if "://" in part}
    settings = {name: _bounds(name) for name in protocols if name in _S3 | _HTTP}
    files, path = url_to_fs(address, **settings)
    inner = files
    while inner is not None:
        # Of every file system in a chain (zip://…::s3://…), the one that speaks to the store has retries.
        if hasattr(inner, "_call_s3"):
            inner.retries = _TIMES
        inner = getattr(inner, "fs", None)
    return files, path


def open_address(address: str) -> IO[bytes]:
    """Open what lies behind an address; reading it fails by name."""
    with asking(address):
        files, path = reach(address)
        return cast("IO[bytes]", Asked(files.open(path, "rb"), address))


@contextmanager
def asking(address: str) -> Iterator[None]:
    """Tell a failure of a store by the address that was asked for.

    Raises
    ------
    StoreError
        In place of whatever its driver raises; what is not there, or may not be read, is raised as it is.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        if isinstance(error, PermissionError) and error.filename is None:
            message = f"{masked(address)}: the store refuses access ({_reason(error)}): check the credentials"
            raise PermissionError(message) from error
        if isinstance(error, _SAID_BY_THE_CALLER) and not of_the_server(error):
            raise
        # Drivers of stores have errors of their own kinds, which say why in words.
        raise StoreError(_told(address, error)) from error


class Asked:
    """An open file of a store, whose failures are told by its address."""

    def __init__(self, file: IO[bytes], address: str) -> None:
        self._file = file
        self._address = address

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        with asking(self._address):
            return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        with asking(self._address):
            return self._file.seek(offset, whence)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _bounds(protocol: str) -> dict[str, Any]:
    """Return the settings that bound a driver in time; what fsspec's own configuration says goes before."""
    seconds = _silence()
    said = config.conf.get(protocol, {})
    if protocol in _S3:
        bounds = {
            "read_timeout": seconds,
            "connect_timeout": min(seconds, _CONNECTING_SECONDS),
            "retries": {"total_max_attempts": _TIMES, "mode": "standard"},
        }
        return {**said, "config_kwargs": bounds | said.get("config_kwargs", {})}
    import aiohttp  # noqa: PLC0415 - the driver of https needs it, nothing else does

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(seconds, _CONNECTING_SECONDS), sock_read=seconds)
    return {**said, "client_kwargs": {"timeout": timeout} | said.get("client_kwargs", {})}


def _silence() -> float:
    said = os.environ.get(SECONDS, "")
    try:
        seconds = float(said) if said else _SECONDS
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise ValueError(f"{SECONDS} is a number of seconds, not {said[:40]!r}")
    return seconds


def of_the_server(error: BaseException) -> bool:
    """Tell whether what looks like a missing file hides an error of the server, or of the way to it."""
    cause = error.__cause__ or error.__context__
    if not isinstance(error, FileNotFoundError) or cause is None:
        return False
    status = getattr(cause, "status", None)
    if isinstance(status, int):
        return status >= _SERVER_ERRORS or status == _TOO_MANY
    return isinstance(cause, OSError | TimeoutError) and not isinstance(cause, _SAID_BY_THE_CALLER)


def _told(address: str, error: Exception) -> str:
    return (
        f"{masked(address)}: the store failed ({_reason(error)}); nothing half read or half written was kept: "
        f"run it again, or give it more time ({SECONDS}={_silence():g} is the silence that is waited for)"
    )


def _reason(error: Exception) -> str:
    # A driver that handles a silence may stumble over it, and raise something that says nothing.
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, TimeoutError):
            return f"it was silent for {_silence():g} s"
        behind = behind.__cause__ or behind.__context__
    return masked(" ".join(str(error).split()) or type(error).__name__)[:400]
