"""What a notebook asks of a dataset: tables of spans and logs, one trace, how it shows itself."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.dataset import Dataset, ingest, open_export
from analysis.dataset.frames import hexadecimal
from tests.exports import MINUTE_NS, log, otlp, span

TRACE = 0x5B8EFFF798038103D269B633813FC60C


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Return an export of two traces and two log records: the cart's span fails, one span has no time."""
    spans = [
        span(TRACE, 0xEEE19B7EC3C1B174, service="shop", length=1_000),
        span(TRACE, 2, 0xEEE19B7EC3C1B174, service="cart", kind=3, start=100, length=400, status=2),
        span(7, 3, service="<b>bold</b>", attributes={"url.path": "/users/17"}),
    ]
    del spans[2][1]["startTimeUnixNano"], spans[2][1]["endTimeUnixNano"]
    path = tmp_path / "export.json"
    path.write_bytes(otlp(spans, [log("cart 17 is empty", TRACE, 2, service="cart", time=300), log("started", time=1)]))
    return path


@pytest.fixture(params=["memory", "parquet"])
def data(request, export: Path, tmp_path: Path) -> Dataset:
    """Return the export opened in memory, and the same as a stored dataset."""
    if request.param == "memory":
        return open_export(export, skew="off")
    return ingest(export, tmp_path / "out", partitions=3, skew="off")


def test_ids_are_hexadecimal_and_times_are_timestamps(data):
    frame = data.spans().set_index("span_id")
    root = frame.loc["eee19b7ec3c1b174"]
    assert root["trace_id"] == "5b8efff798038103d269b633813fc60c"
    assert pd.isna(root["parent_span_id"])
    assert frame.loc[f"{2:016x}", "parent_span_id"] == "eee19b7ec3c1b174"
    assert root["start"] == pd.Timestamp("2026-11-23T10:00:00Z")
    assert (root["start_ns"], root["raw_start_ns"], root["duration_ns"]) == (MINUTE_NS, MINUTE_NS, 1_000)
    assert (root["service"], root["kind"], root["status"]) == ("shop", "server", "unset")
    assert frame.loc[f"{2:016x}", "status"] == "error"


def test_span_without_a_time_has_none(data):
    row = (
        data.spans(["span_id", "start", "start_ns", "raw_start_ns", "duration_ns"])
        .set_index("span_id")
        .loc[f"{3:016x}"]
    )
    assert row.isna().all()
    assert str(data.spans(["start_ns"]).dtypes["start_ns"]) == "Int64"


def test_values_of_users_are_read_only_when_named(data):
    assert not {"url_path", "db_statement", "exception_message"} & set(data.spans().columns)
    assert "/users/17" in set(data.spans(["url_path"])["url_path"].dropna())
    assert "body" not in data.logs().columns
    assert set(data.logs(["body"])["body"]) == {"cart 17 is empty", "started"}


def test_columns_and_services_are_chosen(data):
    frame = data.spans(["service", "trace_id"], service="cart")
    assert list(frame.columns) == ["service", "trace_id"]
    assert frame["service"].tolist() == ["cart"]
    assert len(data.spans(service={"cart", "shop"})) == 2
    assert len(data.spans(service="nobody")) == 0
    with pytest.raises(KeyError, match="no such column: nonsense"):
        data.spans(["nonsense"])


def test_logs_name_their_span(data):
    frame = data.logs().sort_values("time_ns").reset_index(drop=True)
    assert frame["trace_id"].isna().tolist() == [True, False]
    assert frame.loc[1, "span_id"] == f"{2:016x}"
    assert frame.loc[1, "time"] == pd.Timestamp("2026-11-23T10:00:00.0000003Z")
    assert frame.loc[1, "template"] == "cart <number> is empty"
    assert data.logs(["service"], service="cart")["service"].tolist() == ["cart"]


def test_trace_is_found_by_its_whole_id_or_half_of_it(data):
    whole = f"{TRACE:032x}"
    assert data.find_trace(whole).num_rows == 2
    assert data.find_trace(whole.upper()).num_rows == 2
    assert data.find_trace(whole[16:]).num_rows == 2
    assert data.find_trace("7").num_rows == 1
    # The export kept only the lower half, the asker has all of it.
    assert data.find_trace("00000000000000ab" + f"{7:016x}").num_rows == 1
    assert data.find_trace("ab").num_rows == 0
    for text in ("", "not hexadecimal", "0" * 33):
        with pytest.raises(ValueError, match="trace id"):
            data.find_trace(text)


def test_trace_is_sought_in_one_partition_only(export, tmp_path, monkeypatch):
    data = ingest(export, tmp_path / "out", partitions=5)
    read = []
    kind = type(data.partitions[0])
    original = kind.read
    monkeypatch.setattr(kind, "read", lambda self, columns=None: read.append(self.number) or original(self, columns))
    assert data.find_trace(f"{TRACE:032x}").num_rows == 2
    assert len(set(read)) == 1


def test_dataset_shows_what_it_holds_and_escapes_names(data):
    assert repr(data).startswith("<Dataset: 3 services, 2 traces, 3 spans, 2 log records, 1 export, ")
    assert repr(data).endswith("2026-11-23T10:00:00Z to 2026-11-23T10:00:00.000001Z>")
    shown = data._repr_html_()
    assert "export.json" in shown
    assert "together" in shown
    assert data.services == ("<b>bold</b>", "cart", "shop")
    assert data.window == (MINUTE_NS, MINUTE_NS + 1_000)


def test_names_of_exports_are_escaped(tmp_path):
    path = tmp_path / "<img src=x onerror=alert(1)>.json"
    path.write_bytes(otlp([span(1, 1)]))
    shown = open_export(tmp_path, skew="off")._repr_html_()
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_dataset_travels_to_other_processes(data):
    again = pickle.loads(pickle.dumps(data))
    assert again.spans().equals(data.spans())
    assert again.totals == data.totals


def test_starts_are_corrected_for_skew(tmp_path):
    # The cart's clock is 10 s behind in twenty traces: uncorrected, each call begins before its caller.
    spans = []
    for trace in range(1, 21):
        spans.append(span(trace, 1, service="shop", length=1_000_000))
        spans.append(span(trace, 2, 1, service="shop", kind=3, start=100_000, length=800_000))
        spans.append(span(trace, 3, 2, service="cart", start=200_000 - 10_000_000_000, length=600_000))
    (tmp_path / "a.json").write_bytes(otlp(spans))
    raw = open_export(tmp_path / "a.json", skew="off").spans()
    assert (raw["start_ns"] == raw["raw_start_ns"]).all()
    for options in ({}, {"skew": "jaeger", "max_skew": "1h"}):
        frame = open_export(tmp_path / "a.json", **options).spans()
        cart = frame[frame["service"] == "cart"].set_index("trace_id")
        caller = frame[frame["kind"] == "client"].set_index("trace_id")
        assert len(cart) == 20
        assert (cart["raw_start_ns"] == MINUTE_NS + 200_000 - 10_000_000_000).all()
        assert (caller["start_ns"] <= cart["start_ns"]).all()
        assert (cart["start_ns"] + cart["duration_ns"] <= caller["start_ns"] + caller["duration_ns"]).all()
        assert (cart["start"].astype("int64") == cart["start_ns"]).all()


def test_modes_of_skew_are_checked(export):
    with pytest.raises(ValueError, match="skew is one of"):
        open_export(export, skew="maybe")
    with pytest.raises(ValueError, match="length of time"):
        open_export(export, max_skew="-1s")
    assert open_export(export, skew="jaeger", max_skew="250ms").max_skew_ns == 250_000_000
    assert open_export(export, skew="jaeger").max_skew_ns == 1_000_000_000


def test_hexadecimal_digits_are_padded():
    assert hexadecimal(np.array([0, 255, 2**64 - 1], dtype=np.uint64)).tolist() == ["0" * 16, "0" * 14 + "ff", "f" * 16]
