"""The folder of a report: built aside, put in place when it is whole; nothing is removed that no report wrote."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Final

from analysis.report.execution import ReportError

__all__ = ["EARLIER", "cannot_be_made", "check_folder", "keep_earlier", "prepare", "publish"]

_UNFINISHED: Final = "unfinished"
_INDEX: Final = "index.html"
#: Names the files of a report, so that the next one removes these and no others.
_CONTENTS: Final = "assets/contents.json"
#: The same, half written.
_HALF: Final = ".unfinished-contents.json"
_REVIEW: Final = "review/review.json"
#: Where earlier reports are kept.
EARLIER: Final = "earlier"
_MARK: Final = "archreview/report/1"
#: What a report consists of, seen from its folder.
_TOP: Final = (
    _INDEX,
    "findings.json",
    "alerts.yml",
    "report.html",
    "slides.html",
    "report.pdf",
    "slides.pdf",
    "review.md",
    "figures",
    "assets",
    "findings",
    "notebooks",
    "review",
    "services",
)


def prepare(folder: Path) -> Path:
    """Return an empty folder inside, in which a report can be built.

    Raises
    ------
    ReportError
        If something stands in the way that no report left behind, or the folder cannot be made.
    """
    check_folder(folder)
    unfinished = folder / _UNFINISHED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if unfinished.exists():
            _discard(unfinished)
        contents = unfinished / _CONTENTS
        contents.parent.mkdir(parents=True)
        _write_contents(contents, [])
    except OSError as error:
        raise ReportError(cannot_be_made(folder, error)) from error
    return unfinished


def check_folder(folder: Path) -> None:
    """See that a report can be built in a folder, which may be missing.

    Raises
    ------
    ReportError
        If something stands in the way that no report left behind.
    """
    if _contents(folder / _CONTENTS) is None:
        for name in _TOP:
            if (folder / name).exists() and not _left_behind(folder / name):
                raise ReportError(_in_the_way(folder / name))
    unfinished = folder / _UNFINISHED
    if unfinished.exists() and _contents(unfinished / _CONTENTS) is None and not _left_behind(unfinished):
        raise ReportError(_in_the_way(unfinished))


def cannot_be_made(folder: Path, error: OSError) -> str:
    """Say why the folder of a report cannot be made."""
    blocked = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    why = error.strerror if blocked.is_dir() else f"{blocked} is a file"
    return f"the folder of the report, {folder}, cannot be made: {why}"


def publish(unfinished: Path, folder: Path) -> None:
    """Put a report that is whole in the place of the earlier one, its index last.

    Raises
    ------
    ReportError
        If a file is in the way that no report wrote; then nothing was changed.
    """
    files = sorted(path.relative_to(unfinished).as_posix() for path in unfinished.rglob("*") if path.is_file())
    earlier = [_CONTENTS, *(_contents(folder / _CONTENTS) or [])]
    foreign = [name for name in files if name not in earlier and (folder / name).exists()]
    if foreign:
        message = f"{_in_the_way(folder / foreign[0])}; the new report is in {unfinished}"
        raise ReportError(message)
    # Killed between any two of these steps, the folder says which files are a report's, and so does what is unfinished.
    (folder / _CONTENTS).parent.mkdir(parents=True, exist_ok=True)
    _write_contents(folder / _CONTENTS, sorted({*files, *earlier}))
    (folder / _INDEX).unlink(missing_ok=True)
    for name in earlier:
        if name != _CONTENTS:
            (folder / name).unlink(missing_ok=True)
    for name in [*(name for name in files if name not in (_INDEX, _CONTENTS)), _INDEX]:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (unfinished / name).replace(target)
    _remove_empty(folder, {PurePosixPath(name).parent for name in earlier})
    _write_contents(folder / _CONTENTS, files)
    _discard(unfinished)


def keep_earlier(folder: Path, keep: int) -> list[str]:
    """Keep the report that is about to be replaced under ``earlier/``, and no more than the latest few there.

    Parameters
    ----------
    folder
        Folder of the report.
    keep
        How many earlier reports stay; nothing is done for 0.

    Returns
    -------
    list of str
        Names of the folders under ``earlier/``, the latest first.
    """
    shelf = folder / EARLIER
    names = _contents(folder / _CONTENTS) if keep else None
    if names:
        target = shelf / _stamp(folder)
        for name in [*names, _CONTENTS]:
            source = folder / name
            if source.is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target / name)
    kept = sorted((path.name for path in shelf.glob("*") if _contents(path / _CONTENTS) is not None), reverse=True)
    for name in kept[keep:] if keep else []:
        shutil.rmtree(shelf / name)
    return kept[:keep] if keep else kept


def _stamp(folder: Path) -> str:
    """Return the end of the telemetry of a report as the name of a folder: in order, and the same for the same one."""
    try:
        last = json.loads((folder / _REVIEW).read_text(encoding="utf-8"))["totals"]["last"]
    except (OSError, ValueError, KeyError, TypeError):
        last = None
    return re.sub(r"[^0-9TZ]+", "-", str(last)[:19]) if last else "without-a-time"


def _in_the_way(path: Path) -> str:
    return f"{path} is in the way, and no report wrote it: move it, or choose another folder"


def _write_contents(path: Path, files: list[str]) -> None:
    half = path.with_name(_HALF)
    half.write_text(json.dumps({"schema": _MARK, "files": files}, indent=1) + "\n", encoding="utf-8")
    half.replace(path)


def _left_behind(folder: Path) -> bool:
    """Tell whether there are only folders, and at most half a list of contents: a report was killed as it began."""
    return folder.is_dir() and all(path.is_dir() or path.name == _HALF for path in folder.rglob("*"))


def _discard(unfinished: Path) -> None:
    """Remove what is unfinished; the file that says whose it is goes last."""
    for path in sorted(unfinished.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if path != (unfinished / _CONTENTS).parent:
                path.rmdir()
        elif path != unfinished / _CONTENTS:
            path.unlink()
    shutil.rmtree(unfinished)


def _contents(path: Path) -> list[str] | None:
    """Return what a report wrote, without names that lead out of its folder; None where no report did."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(listed, dict) or listed.get("schema") != _MARK:
        return None
    names = [PurePosixPath(str(name)) for name in listed.get("files", [])]
    return [str(name) for name in names if not name.is_absolute() and ".." not in name.parts]


def _remove_empty(folder: Path, parents: set[PurePosixPath]) -> None:
    """Remove folders of the earlier report in which nothing is left, the deepest first."""
    for parent in sorted(parents, key=lambda path: (-len(path.parts), path)):
        place = folder / parent
        if parent.parts and place.is_dir() and not any(place.iterdir()):
            place.rmdir()
