"""``review.yml``: what is known is taken, what is not is named with its line."""

from __future__ import annotations

import pytest

from analysis import detectors
from analysis.config import Configuration, ConfigurationError, load


def test_nothing_is_the_defaults():
    assert load(None) == Configuration()
    assert load({}) == Configuration()
    defaults = detectors.discover()["shared_table"].INFO.defaults()
    assert load(None).limits_of("shared_table") == defaults


def test_a_configuration_is_itself():
    settings = Configuration({"shared_table": {"writers": 3}})
    assert load(settings) is settings


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "limits:\n", "\ufefflimits: {}\n"])
def test_an_empty_file_is_the_defaults(tmp_path, text):
    path = tmp_path / "review.yml"
    path.write_text(text, encoding="utf-8")
    assert load(path) == Configuration()


def test_limits_replace_defaults_one_by_one(tmp_path):
    path = tmp_path / "review.yml"
    path.write_text("limits:\n  n_plus_one_queries:\n    repeats: 9\n")
    limits = load(path).limits_of("n_plus_one_queries")
    assert limits["repeats"] == 9
    defaults = detectors.discover()["n_plus_one_queries"].INFO.defaults()
    assert {name: value for name, value in limits.items() if name != "repeats"} == {
        name: value for name, value in defaults.items() if name != "repeats"
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("limit: {}\n", 1, "unknown key 'limit'; did you mean 'limits'?"),
        ("limits:\n  n_plus_one_query: {}\n", 2, "did you mean 'n_plus_one_queries'?"),
        ("limits:\n  n_plus_one_queries:\n    repeat: 3\n", 3, "did you mean 'repeats'?"),
        ("limits:\n  n_plus_one_queries:\n    repeats: five\n", 3, "repeats must be a number"),
        ("limits:\n  n_plus_one_queries:\n    repeats: yes\n", 3, "repeats must be a number"),
        ("limits:\n  n_plus_one_queries:\n    repeats: .nan\n", 3, "repeats must be a finite number"),
        ("limits:\n  n_plus_one_queries: 5\n", 2, "must hold names with values"),
        ("limits: [1]\n", 1, "must hold names with values"),
        ("limits:\n  7: {}\n", 2, "unknown key '7'"),
        ("limits:\n  shared_table: {a: 1\n", 3, "expected"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, line, said):
    path = tmp_path / "review.yml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load(path)
    assert f"line {line}" in str(error.value)
    assert said in str(error.value)
    assert "review.yml" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"- 1\n", b"false\n", b"\xff\xfe\xff", b"a: 2026-13-45\n", b"&a {limits: *a}\n"])
def test_no_file_ends_in_anything_else(tmp_path, content):
    path = tmp_path / "review.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"review\.yml"):
        load(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"gone\.yml cannot be read.*No such file"):
        load(tmp_path / "gone.yml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path)


def test_a_catalogue_is_found_beside_the_configuration(tmp_path):
    (tmp_path / "teams.csv").write_text("service,team\ncart,checkout\n")
    path = tmp_path / "review.yml"
    path.write_text("catalogue: teams.csv\n")
    assert load(path).catalogue.teams == {"cart": "checkout"}
    assert load({"catalogue": str(tmp_path / "teams.csv")}).catalogue == load(path).catalogue
    assert not load(None).catalogue


def test_a_catalogue_that_cannot_be_read_is_told_with_the_line(tmp_path):
    path = tmp_path / "review.yml"
    path.write_text("limits: {}\ncatalogue: nowhere.csv\n")
    with pytest.raises(ConfigurationError, match=r"review\.yml, line 2: .*nowhere\.csv"):
        load(path)
    path.write_text("catalogue: [a, b]\n")
    with pytest.raises(ConfigurationError, match="line 1: catalogue must be a text"):
        load(path)
