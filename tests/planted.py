"""A shop with a secret in every field, and how to look for secrets in what comes of it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from tests.exports import log, otlp, otlp_lines, span
from tests.secrets import HOLDING, MARKERS, NAMING, VALUES
from tests.shop import shop

__all__ = ["held", "plant", "told"]

MS = 1_000_000


def told(text: str) -> list[str]:
    """Return the kinds of secrets that a text tells."""
    return [kind for kind, marker in MARKERS.items() if marker in text]


def held(path: Path) -> str:
    """Return what a file holds, as text; of a page also the figures that are packed in it."""
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    text = path.read_text(errors="replace")
    # Base64 of what gzip begins with.
    packed = re.findall(r"H4sI[A-Za-z0-9+/=]{40,}", text)
    return text + "".join(gzip.decompress(base64.b64decode(figure)).decode() for figure in packed)


def plant(folder: Path, *more: str, secrets: Sequence[str] = VALUES) -> Path:
    """Write a shop in whose spans and logs every secret, and more, stands in every field; return its folder."""
    spans = []
    values = [*secrets, *more]
    for number, value in enumerate(values):
        trace = 1_000 + number
        naming = dict.fromkeys(NAMING, value)
        del naming["service.name"]
        naming |= dict.fromkeys(more, "set")
        holding = dict.fromkeys(HOLDING, value) | {"db.query.text": f"SELECT * FROM item WHERE owner = '{value}'"}
        for repeat in range(2):
            at = (number * 2 + repeat) * 1_000 * MS
            whole = {"start": at, "length": 300 * MS, "status": 2}
            spans += [
                span(trace + repeat * 500, 1, name="POST /checkout", service="gateway", **whole),
                span(trace + repeat * 500, 2, 1, name="GET", kind=3, attributes=naming, service=value, **whole),
                span(trace + repeat * 500, 3, 2, name=f"GET /u/{value}", attributes=holding, service=value, **whole),
                *(
                    span(
                        trace + repeat * 500,
                        10 + n,
                        3,
                        name=value,
                        kind=3,
                        attributes={"db.system.name": "postgresql", **holding, "db.collection.name": value},
                        service=value,
                        start=at + n * 20 * MS,
                        length=15 * MS,
                    )
                    for n in range(6)
                ),
            ]
            for _, one in spans[-9:]:
                one["status"] = {"code": 2, "message": f"refused {value}"}
                one["events"] = [
                    {
                        "name": "exception",
                        "attributes": [
                            {"key": "exception.type", "value": {"stringValue": value}},
                            {"key": "exception.message", "value": {"stringValue": f"no money for {value}"}},
                        ],
                    }
                ]
    spans += shop(24)
    (folder / "spans.jsonl").write_bytes(otlp_lines(spans))
    logs = [log(f"order of {value} failed", 1_000 + n, 1, service=value) for n, value in enumerate(values)]
    logs += [log(json.dumps({"message": f"paid {value}", "user": value}), 1_000 + n) for n, value in enumerate(values)]
    (folder / "logs.jsonl").write_bytes(b"\n".join(_logs(logs)) + b"\n")
    return folder


def _logs(logs):
    return [otlp(logs=[one]) for one in logs]
