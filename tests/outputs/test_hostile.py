"""Names that attack whoever reads them, and values that nobody may read: neither comes out of any output."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest

import analysis as an
from analysis import outputs
from tests.exports import MINUTE_NS, log, otlp, otlp_lines
from tests.shop import shop, shop_file

#: What may not reach a terminal, a wiki or a page: C0 and C1 controls but for the line feed, and direction marks.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
ATTACKS = {
    "terminal": "\x1b[2J\x1b]0;owned\x07cart\x9b31m",
    "direction": "cart\u202egnp.exe\u2066\u200b\u2029",
    "html": '<script>alert(1)</script><img src=x onerror="alert(2)">\'"&amp;',
    "formula": '=HYPERLINK("http://evil.example","cart")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "lines": "cart\n# Owned\n\n- [x](javascript:alert(1))\r\n| a | b |",
    "markdown": "- **cart** [x](http://evil.example) `code` ~~no~~ www.evil.example @everyone #1 <b>",
    "table": "cart | high | <br> \\| x",
    "marks": "c" + "\u0301" * 500,
    "long": "x" * 1_000_000,
}
#: Values as they get into telemetry, each under a marker of its own.
SECRETS = {
    "statement": "SELECT * FROM item WHERE owner = 'hunter2-sql' AND card = 4111111111111111",
    "path": "/cart?token=hunter2-url&mail=eve%40example.org",
    "message": "no money for hunter2-exception on card 4111111111111111",
}
MARKERS = ("hunter2", "4111111111111111", "eve%40", "eve@", "swordfish")


@pytest.fixture(scope="module", params=ATTACKS)
def attacked(request, tmp_path_factory):
    name = ATTACKS[request.param]
    table = name if len(name) < 5_000 else "ledger"
    path = shop_file(
        tmp_path_factory.mktemp("attacked") / "shop.jsonl",
        24,
        service=name,
        operation=name,
        table=f'"{table}"',
        statement=f'SELECT * FROM "{name}" WHERE a = 1',
    )
    result = an.review(an.open_export(path))
    assert result.finding_objects
    return result


@pytest.mark.parametrize("form", ["text", "markdown", "csv", "junit", "github", "summary"])
def test_nothing_raw_reaches_what_people_read(attacked, form):
    text = outputs.write(attacked, form)
    assert RAW.search(text) is None
    # A name of a megabyte is cut wherever it is told.
    assert len(text) < 300_000


def test_no_cell_is_a_formula(attacked):
    rows = list(csv.reader(io.StringIO(outputs.write(attacked, "csv"))))
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == len(attacked.finding_objects) + 1
    for row in rows[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_no_name_becomes_markdown(attacked):
    text = outputs.write(attacked, "markdown")
    assert set(re.findall(r"<(?!/?a\b)", text)) == set()
    assert "# Owned" not in text.splitlines()
    assert "](http" not in text
    assert "](javascript" not in text
    assert "http://" not in text
    assert not re.search(r"(?<!\\)www\.", text)
    assert "**cart**" not in text
    table = text[text.index("| severity") : text.index("### ")].strip().splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {6}


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_no_name_becomes_html(attacked):
    table = an.table(attacked.findings[["severity", "title", "summary", "services"]])
    pages = [attacked._repr_html_(), table._repr_html_(), *(item._repr_html_() for item in attacked.finding_objects)]
    for page in pages:
        read = Tags(page)
        assert RAW.search(page) is None
        assert not read.tags & {"script", "img", "a", "iframe", "style"}
        assert read.attributes <= {"class", "id", "scope", "aria-hidden"}
        assert len(page) < 300_000
    assert RAW.search(repr(table)) is None


def test_json_holds_names_as_escapes(attacked):
    text = outputs.write(attacked, "json")
    assert text.isascii()
    assert RAW.search(text) is None
    assert json.loads(text)["schema"] == "archreview/findings/1"


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    spans = shop(24, **SECRETS)
    for number, (_, one) in enumerate(spans):
        if one["status"]:
            one["status"]["message"] = "refused: hunter2-status"
        one["attributes"] += [
            {"key": key, "value": {"stringValue": value}}
            for key, value in {
                "http.request.header.authorization": "Bearer hunter2-header",
                "enduser.id": "eve@example.org",
                "url.full": f"https://eve:swordfish@cart/cart?token=hunter2-full&n={number}",
                "db.query.parameter.owner": "hunter2-parameter",
                "messaging.message.id": "hunter2-message",
            }.items()
        ]
        if one["name"] == "GET /cart":
            one["name"] = "GET /cart/eve@example.org?token=hunter2-name"
        elif one["name"] == "query" and number % 2:
            one["name"] = "SELECT * FROM item WHERE owner = 'hunter2-sql'"
    (folder / "spans.jsonl").write_bytes(otlp_lines(spans))
    logs = [
        log(f"user eve@example.org paid with 4111111111111111, pin hunter2-log-{n}", n, n * 100 + 1)
        for n in range(1, 9)
    ]
    (folder / "logs.json").write_bytes(otlp(logs=logs))
    return an.review(an.open_export(folder))


@pytest.mark.parametrize("form", outputs.FORMATS)
def test_no_value_is_told(planted, form):
    assert {"n_plus_one_queries", "realised_cascade"} <= set(planted.findings["detector"])
    text = outputs.write(planted, form)
    assert [marker for marker in MARKERS if marker in text] == []


def test_no_value_is_shown(planted):
    pages = "".join([planted._repr_html_(), *(item._repr_html_() for item in planted.finding_objects)])
    pages += "".join(an.table(frame)._repr_html_() for frame in planted.facts.values())
    pages += an.table(planted.findings)._repr_html_() + an.table(planted.scorecard)._repr_html_()
    assert [marker for marker in MARKERS if marker in pages] == []


def test_no_value_is_kept(planted, tmp_path):
    folder = planted.save(tmp_path / "review")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert {"findings.json", "review.json", "exemplars.parquet"} <= {path.name for path in files}
    for path in files:
        held = str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text()
        assert [marker for marker in MARKERS if marker in held] == [], path.name


def test_spans_of_exemplars_can_still_be_told_apart(planted):
    spans = planted.traces.spans()
    assert len(spans)
    assert (spans["name"] == spans["operation"]).all()
    assert spans["start_ns"].min() >= MINUTE_NS
    assert spans["template"].notna().any()
