"""Exports made to hurt whoever reads them: each is read as far as it can be, told, bounded; the rest is reviewed."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
import zipfile
import zlib

import pytest
import zstandard

import analysis as an
from analysis import outputs
from tests.commands.run import ROOT, run_apart
from tests.exports import MINUTE_NS, log, otlp, span
from tests.shop import shop_file

#: What a review of a few kilobytes may take of memory, whatever they say: the program itself takes about 400 MB.
MEMORY_MB = 1_500


def good(folder):
    """Write the shop beside what is hostile: it must be found all the same."""
    return shop_file(folder / "good.jsonl", 24)


def reviewed(folder):
    result = an.review(an.open_export(folder))
    assert {"n_plus_one_queries", "shared_table"} <= set(result.findings["detector"])
    for form in outputs.FORMATS:
        outputs.write(result, form)
    return result


def attribute(key, **value):
    return {"key": key, "value": value}


def hostile_spans():
    """Return spans by what is wrong with them."""
    long = "x" * 1_000_000
    many = [attribute(f"key.{n}", stringValue="v") for n in range(10_000)]
    return {
        "a name of a megabyte": [span(1, 1, name=long), span(1, 2, 1, service=long, name="GET /cart")],
        "ten thousand attributes": [span(1, 1, attributes={}) for _ in range(1)]
        + [(name, one | {"attributes": many}) for name, one in [span(1, 2, 1)]],
        "NUL and controls": [span(1, 1, name="GET\x00/cart\x1b[2J", service="sh\x00op")],
        "one id many times": [span(1, 1, name=f"GET /{n}", start=n) for n in range(50)],
        "parents in a circle": [span(1, 1, 3), span(1, 2, 1), span(1, 3, 2), span(1, 4, 4)],
        "time 0": [span(1, 1, startTimeUnixNano="0", endTimeUnixNano="1000")],
        "negative time": [span(1, 1, startTimeUnixNano="-5", endTimeUnixNano="-1")],
        "an end before the start": [span(1, 1, start=1_000, length=-900)],
        "the year 2262": [span(1, 1, startTimeUnixNano=str(2**63 - 2), endTimeUnixNano=str(2**63 - 1))],
        "beyond the year 2262": [span(1, 1, startTimeUnixNano=str(2**64 - 1), endTimeUnixNano=str(2**70))],
        "a time that is none": [span(1, 1, startTimeUnixNano="NaN", endTimeUnixNano="Infinity")],
        "a number for a name": [span(1, 1, name=7)],
        "ids that are none": [span("zz" * 16, 1), span("", 1), span("0" * 32, 1)],
        "kinds that are none": [span(1, 1, kind=99), span(1, 2, 1, kind=-1)],
        "templates": [span(1, 1, name="{{7*7}} ${7*7} <%= 7 %> #{7} {0.__class__} %s %(x)s")],
        "paths": [span(1, 1, name="../../etc/passwd", service="../../../tmp/evil", attributes={"url.path": "/../.."})],
    }


@pytest.mark.parametrize("what", hostile_spans())
def test_the_rest_is_reviewed(what, tmp_path):
    good(tmp_path)
    (tmp_path / "hostile.json").write_bytes(otlp(hostile_spans()[what]))
    before = sorted(path.name for path in tmp_path.iterdir())
    result = reviewed(tmp_path)
    assert [entry["path"] for entry in result.inputs] == ["good.jsonl", "hostile.json"]
    # Nothing was written beside, whatever services are called.
    assert sorted(path.name for path in tmp_path.iterdir()) == before


RAW = {
    "invalid UTF-8": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"\xff\xfe\xc0"}]}]}]}\n',
    "nested a hundred thousand deep": b'{"resourceSpans":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "objects a hundred thousand deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
    "an attribute nested deep": otlp(
        [(n, one | {"attributes": [attribute("a", arrayValue={"values": []})]}) for n, one in [span(1, 1)]]
    ).replace(b'"values": []', b'"values": ' + b'[{"arrayValue":{"values":' * 5_000 + b"[]" + b"}}]" * 5_000),
    "cut short": otlp([span(1, 1)])[:-30],
    "a line of ten megabytes": b'{"resourceSpans": "' + b"a" * 10_000_000 + b'"}\n',
    "numbers without end": b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": '
    + b"9" * 100_000
    + b"}]}]}]}",
    "nothing but NUL": b"\x00" * 100_000,
    "a length that lies": b"\x00\x00\x00\xff\x7f\xff\xff\xff" + b"\x0a" * 100,
    "random bytes": bytes((n * 7919 + n // 13) % 256 for n in range(50_000)),
}


@pytest.mark.parametrize("what", RAW)
def test_bytes_that_are_no_export_are_refused_and_the_rest_is_reviewed(what, tmp_path):
    good(tmp_path)
    (tmp_path / "hostile.json").write_bytes(RAW[what])
    result = reviewed(tmp_path)
    [entry] = [entry for entry in result.inputs if entry["path"] == "hostile.json"]
    assert entry["rejected"] or entry["notes"] or entry["spans"], "nothing is said of it"


def bomb(kind: str, size: int) -> bytes:
    """Return an export that is small and becomes as many bytes as are given, and more."""
    # The quickest that makes it a two-hundredth.
    compressor = zstandard.ZstdCompressor(level=1).compressobj() if kind == "zst" else zlib.compressobj(1, wbits=31)
    spaces = b" " * (1 << 20)
    pieces = [compressor.compress(b'{"resourceSpans": [')]
    pieces += [compressor.compress(spaces) for _ in range(size >> 20)]
    compressed = b"".join([*pieces, compressor.flush()])
    return gzip.compress(compressed, 9) if kind == "twice.gz" else compressed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gz", "zst", "twice.gz"])
def test_a_bomb_ends_in_little_memory_and_is_told(kind, tmp_path):
    good(tmp_path)
    (tmp_path / f"bomb.json.{kind}").write_bytes(bomb(kind, 1 << 30))

    command = [sys.executable, "-m", "analysis", "inspect", str(tmp_path), "--format", "json"]
    code = (
        f"import resource, subprocess, sys; r = subprocess.run({command!r}); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(r.returncode)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ
    )
    assert said.returncode == 0, said.stderr
    told = {entry["path"]: entry for entry in json.loads(said.stdout)["inputs"]}
    assert told["good.jsonl"]["spans"] == 288
    hostile = told[f"bomb.json.{kind}"]
    assert hostile["rejected"] or hostile["notes"]
    assert int(said.stderr.split()[-1]) / 1000 < MEMORY_MB


def test_archives_are_not_unpacked_and_nothing_leaves_them(tmp_path):
    inside = tmp_path / "exports"
    inside.mkdir()
    good(inside)
    with zipfile.ZipFile(inside / "archive.zip", "w") as archive:
        archive.writestr("../../escaped.json", otlp([span(1, 1)]))
    with tarfile.open(inside / "archive.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    result = reviewed(inside)
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
    told = {entry["path"]: entry for entry in result.inputs}
    assert set(told) == {"archive.tar", "archive.zip", "good.jsonl"}
    assert told["archive.zip"]["notes"]


def test_links_out_of_a_folder_are_no_exports_by_themselves(tmp_path):
    inside = tmp_path / "exports"
    inside.mkdir()
    good(inside)
    (inside / "passwd.json").symlink_to("/etc/passwd")
    (inside / "zero.json").symlink_to("/dev/zero")
    (inside / "again").symlink_to(inside, target_is_directory=True)
    result = reviewed(inside)
    text = json.dumps(result.to_json()) + json.dumps([dict(entry) for entry in result.inputs])
    assert "root:" not in text
    assert "/bin/" not in text


def test_formulas_and_terminal_escapes_stay_texts(tmp_path):
    path = shop_file(tmp_path / "shop.jsonl", 24, service="=cmd|' /C calc'!A0", operation="\x1b]0;owned\x07GET /cart")
    said = run_apart("findings", path, "--format", "csv")
    assert said.code == 0
    assert "\x1b" not in said.out + said.err
    assert not any(cell.startswith("=") for line in said.out.splitlines() for cell in line.split(","))
    said = run_apart("findings", path)
    assert "\x1b" not in said.out + said.err


def test_logs_that_attack_are_templates(tmp_path):
    good(tmp_path)
    lines = ["{{7*7}}", "=1+1", "\x1b[31mred", "\u202egnp", "a" * 1_000_000, "\x00", "<script>alert(1)</script>"]
    (tmp_path / "logs.json").write_bytes(otlp(logs=[log(line, n + 1, 1) for n, line in enumerate(lines)]))
    result = reviewed(tmp_path)
    assert result.totals["logs"] == len(lines)
    page = result._repr_html_()
    assert "<script>" not in page


def wide_or_deep(count: int, *, deep: bool) -> bytes:
    """Return one trace: a root and `count` spans below it, side by side or one under the other."""

    def line(number: int) -> str:
        parent = "" if number == 1 else f"{number - 1 if deep else 1:016x}"
        start = MINUTE_NS + (number if deep else number * 1_000)
        end = MINUTE_NS + 10**10 - number if deep or number == 1 else start + 900
        return (
            f'{{"traceId":"{1:032x}","spanId":"{number:016x}","parentSpanId":"{parent}","name":"GET /x",'
            f'"kind":3,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}"}}'
        )

    resource_ = '{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}'
    spans = ",".join(line(number) for number in range(1, count + 2))
    return f'{{"resourceSpans":[{{"resource":{resource_},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}'.encode()


@pytest.mark.slow
@pytest.mark.parametrize(("count", "deep"), [(1_000_000, False), (100_000, True)], ids=["wide", "deep"])
def test_a_million_children_and_a_depth_of_a_hundred_thousand_are_reviewed(count, deep, tmp_path):
    (tmp_path / "one.json").write_bytes(wide_or_deep(count, deep=deep))
    result = an.review(an.open_export(tmp_path / "one.json"))
    assert result.totals["spans"] == count + 1
    assert result.totals["traces"] == 1
    assert outputs.write(result, "text")
