"""A mapping says before anything is read what is wrong with it: where, and the nearest name that is known."""

from __future__ import annotations

import pytest

from analysis.sources import MappingError, load_mapping

SPANS = "spans:\n  trace_id: t\n  span_id: s\n"


def load(tmp_path, text):
    path = tmp_path / "columns.yml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SPANS + "  parent_id: p\n", "columns.yml, line 4: unknown key 'parent_id'; did you mean 'parent_span_id'?"),
        ("span:\n  trace_id: t\n", "columns.yml, line 1: unknown key 'span'; did you mean 'spans'?"),
        (SPANS + "  service: {feld: x}\n", "line 4: unknown key 'feld'; did you mean 'field'?"),
        (SPANS + "  operation: o\n", "line 4: operation is computed from the other columns and cannot be mapped"),
        (SPANS + "  links: l\n", "line 4: links is a list and cannot be mapped"),
        (SPANS + "  service: {field: x, match: '('}\n", "line 4: match is no regular expression"),
        (SPANS + "  service: {field: x, match: 'x'}\n", "line 4: match needs a group in parentheses"),
        (SPANS + "  service: {field: x, unit: ms}\n", "line 4: service is no time and has no unit"),
        (SPANS + "  start_ns:\n    field: x\n    unit: hours\n", "line 6: unit is one of ns, us, ms, s, iso"),
        (SPANS + "  service: {field: x, values: [a]}\n", "line 4: values must hold what stands in a row"),
        (SPANS + "  service:\n", "line 4: service needs the name of a field"),
        (SPANS + "  service: {match: '(x)'}\n", "line 4: service needs the name of a field"),
        ("spans:\n  trace_id: t\n", "line 1: spans need a field for span_id"),
        ("logs:\n  service: s\n", "line 1: logs need a field for time_ns or body"),
        ("spans: t\n", "line 1: spans must hold names with values"),
        ("spans:\n", "names no field"),
        ("", "names no field"),
        ("- a\n", "names no field"),
        ("spans: {trace_id: t\n", "cannot be read as a mapping: line 2"),
    ],
)
def test_mistake_is_named(tmp_path, text, told):
    with pytest.raises(MappingError) as raised:
        load(tmp_path, text)
    assert told in str(raised.value)
    assert "columns.yml" in str(raised.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(MappingError, match=r"none\.yml cannot be read as a mapping: No such file"):
        load_mapping(tmp_path / "none.yml")


def test_mapping_of_a_notebook_is_checked_too():
    with pytest.raises(MappingError, match=r"the mapping: unknown key 'spam'; did you mean 'spans'\?"):
        load_mapping({"spam": {}})


def test_words_of_yaml_are_the_texts_of_rows(tmp_path):
    mapping = load(
        tmp_path, SPANS + "  status: {field: f, values: {true: error, 0: ok, null: unset, '': unset, 2.5: ok}}\n"
    )
    (status,) = (field for field in mapping.spans if field.column == "status")
    assert status.values == {"true": "error", "0": "ok", "": "unset", "2.5": "ok"}
