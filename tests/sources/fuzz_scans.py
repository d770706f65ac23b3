"""Compare scans and readable readers on broken exports for as long as wanted: python -m tests.sources.fuzz_scans 10.

Stops at the first difference, writes the content that shows it beside, and exits 1.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from analysis.sources import jaeger_json, otlp_json, otlp_protobuf, zipkin_json
from analysis.sources._ids import HASHED
from tests.sources.scans import mutated, told
from tests.sources.test_alike import FORMS, VALUES, with_value, wrapped
from tests.sources.test_jaeger_json_scan import some_traces
from tests.sources.test_otlp_json_scan import SEEDS as OTLP_JSON
from tests.sources.test_otlp_protobuf_scan import MESSAGES, framed
from tests.sources.test_zipkin_json_scan import some_spans

_LONG = re.compile(rb"[: ]\d{20}")
Make = Callable[[random.Random], bytes]


def otlp_json_lines(chance: random.Random) -> bytes:
    """Return a few lines of OTLP JSON."""
    return b"\n".join(chance.sample(chance.choice(OTLP_JSON).split(b"\n"), 3))


def otlp_protobuf_frames(chance: random.Random) -> bytes:
    """Return a few frames of OTLP protobuf."""
    return framed(*chance.sample([content for content in MESSAGES.values() if len(content) < 20_000], 3))


def alike_documents(name: str, chance: random.Random) -> bytes:
    """Return some documents that are alike but for a few fields."""
    reader, make, paths = FORMS[name]
    documents = [make(number) for number in range(chance.randint(3, 12))]
    for _ in range(chance.randint(0, 3)):
        place = chance.randrange(len(documents))
        value = chance.choice([value for value in VALUES if type(value) is not int or value < 1 << 64])
        documents[place] = with_value(documents[place], chance.choice(paths), value)
    return chance.choice(list(wrapped(reader, documents)))


#: By format: how content to be broken is made, the reader that scans, and the readable one.
FORMATS = {
    "jaeger-json": (some_traces, jaeger_json.read, jaeger_json.read_plainly),
    "otlp-json": (otlp_json_lines, otlp_json.read, otlp_json.read_plainly),
    "otlp-protobuf": (otlp_protobuf_frames, otlp_protobuf.read, otlp_protobuf.read_plainly),
    "zipkin-json": (some_spans, zipkin_json.read, zipkin_json.read_plainly),
    **{name: (partial(alike_documents, name), of[0].read, of[0].read_plainly) for name, of in FORMS.items()},
}


def main() -> int:
    """Compare until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.sources.fuzz_scans", description=main.__doc__)
    parser.add_argument("minutes", type=float, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="where to begin")
    options = parser.parse_args()
    ends, seed = time.monotonic() + 60 * options.minutes, options.seed
    while time.monotonic() < ends:
        for name, (make, scanned, plain) in FORMATS.items():
            chance = random.Random(seed)
            content = mutated(make(chance), chance)
            if name in FORMS and _LONG.search(content):
                # Which of two decoders reads a number of so many digits depends on what stands around it.
                continue
            found, expected = told(scanned, content), told(plain, content)
            if name in FORMS:
                # An id that is hashed is noted where it differs from the one before: that depends on who reads them.
                found["notes"].pop(HASHED, None), expected["notes"].pop(HASHED, None)
            if found != expected:
                kept = Path(f"difference-{name}-{seed}.bin")
                kept.write_bytes(content)
                print(f"{name}: seed {seed} is read otherwise, see {kept}")
                return 1
        seed += 1
    print(f"no difference in {seed - options.seed} broken exports of each of {', '.join(FORMATS)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
