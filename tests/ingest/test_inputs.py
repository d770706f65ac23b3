"""Which files names stand for: folders, globs, links, pipes, addresses."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import fsspec
import pytest

from analysis.ingest import expand
from analysis.ingest.inputs import is_address


def write(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def names(paths) -> list[str]:
    return [file.name for file in expand(paths).files]


def test_folder_gives_every_file_sorted_relative_to_it(tmp_path):
    for name in ("b.json", "a/z.json", "a/b/c.json", ".hidden.json", ".git/x.json"):
        write(tmp_path / name)
    assert names(tmp_path) == ["a/b/c.json", "a/z.json", "b.json"]
    assert not any(file.named for file in expand(tmp_path).files)


def test_file_keeps_the_name_it_was_given(tmp_path, monkeypatch):
    write(tmp_path / "a.json")
    monkeypatch.chdir(tmp_path)
    assert names("./a.json") == ["./a.json"]
    assert names([Path("a.json"), "a.json"]) == ["a.json"]


def test_order_of_names_does_not_matter(tmp_path):
    paths = [str(write(tmp_path / name)) for name in ("c", "a", "b")]
    assert expand(paths) == expand(paths[::-1])


def test_glob_reaches_any_depth(tmp_path, monkeypatch):
    for name in ("a.json", "deep/b.json", "deep/c.txt"):
        write(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert names("*.json") == ["a.json"]
    assert names("**/*.json") == ["a.json", "deep/b.json"]
    assert names(str(tmp_path / "*.json")) == [str(tmp_path / "a.json")]


def test_glob_that_matches_nothing_is_a_problem(tmp_path):
    (file,) = expand(str(tmp_path / "*.json")).files
    assert file.problem == "no file matches"


def test_brackets_in_a_name_that_exists_are_no_glob(tmp_path):
    path = write(tmp_path / "export[1].json")
    assert names(path) == [str(path)]


def test_missing_file_is_listed_with_its_problem(tmp_path):
    (file,) = expand(tmp_path / "gone.json").files
    assert (file.named, file.problem) == (True, "there is no such file")


def test_link_to_a_file_inside_adds_nothing_and_one_to_outside_is_read(tmp_path):
    write(tmp_path / "folder/real.json")
    (tmp_path / "folder/again.json").symlink_to("real.json")
    (tmp_path / "folder/outside.json").symlink_to(write(tmp_path / "other.json"))
    assert names(tmp_path / "folder") == ["outside.json", "real.json"]


def test_loops_of_links_end(tmp_path):
    write(tmp_path / "a/one.json")
    (tmp_path / "a/up").symlink_to("..", target_is_directory=True)
    (tmp_path / "a/self").symlink_to(".", target_is_directory=True)
    write(tmp_path / "two.json")
    assert names(tmp_path) == ["a/one.json", "two.json"]
    # From below, the link upwards leads to what was not met yet, once.
    assert names(tmp_path / "a") == ["one.json", "up/two.json"]


def test_link_that_leads_nowhere_is_said(tmp_path):
    (tmp_path / "broken.json").symlink_to("gone.json")
    (file,) = expand(tmp_path).files
    assert file.problem


def test_pipes_and_sockets_in_folders_are_passed_over_with_a_note(tmp_path, monkeypatch):
    write(tmp_path / "a.json")
    os.mkfifo(tmp_path / "pipe")
    # The address of a socket is short; the folder of a test is not.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        expansion = expand(tmp_path)
    assert [file.name for file in expansion.files] == ["a.json"]
    assert expansion.notes == ("passed over pipe: a pipe", "passed over socket: a socket")


def test_pipe_that_is_named_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (file,) = expand(tmp_path / "pipe").files
    assert not file.problem


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may list every folder")
def test_folder_that_may_not_be_listed_is_said(tmp_path):
    write(tmp_path / "closed/a.json")
    (tmp_path / "closed").chmod(0)
    (file,) = expand(tmp_path).files
    (tmp_path / "closed").chmod(0o700)
    assert file.problem.startswith("the folder cannot be listed")


def test_addresses_are_files_folders_and_globs():
    store = fsspec.filesystem("memory")
    for name in ("/exports-here/a.json", "/exports-here/b/c.json", "/exports-here/.hidden"):
        store.pipe_file(name, b"x")
    assert names("memory://exports-here") == ["a.json", "b/c.json"]
    assert names("memory://exports-here/a.json") == ["memory://exports-here/a.json"]
    assert [file.location for file in expand("memory://exports-here/*.json").files] == ["memory:///exports-here/a.json"]
    assert expand("memory://exports-here/gone").files[0].problem == "there is no such file"
    assert "cannot be opened" in expand("nowhere://x").files[0].problem


def test_standard_input_is_a_dash():
    (file,) = expand("-").files
    assert (file.location, file.named, is_address(file.location)) == ("-", True, False)
