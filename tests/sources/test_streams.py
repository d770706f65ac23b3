"""Opening and decompressing: by content, nested, in members, cut off, and never beyond the bounds."""

from __future__ import annotations

import gzip
import io
import os
import random

import pytest
import zstandard

from analysis.sources import UnreadableExport, _streams, open_stream
from analysis.sources._zstd import unzstd, unzstd_part

CONTENT = b'{"resourceSpans":[]}\n' * 20_000


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def all_of(content: bytes) -> bytes:
    with open_stream(io.BytesIO(content), "export") as stream:
        return stream.read()


@pytest.mark.parametrize(
    ("wrapped", "layers"),
    [
        (CONTENT, ()),
        (gzip.compress(CONTENT), ("gzip",)),
        (zstd(CONTENT), ("zstd",)),
        (gzip.compress(zstd(CONTENT)), ("gzip", "zstd")),
        (zstd(gzip.compress(CONTENT)), ("zstd", "gzip")),
        (gzip.compress(CONTENT[:999]) + gzip.compress(CONTENT[999:]), ("gzip",)),
        (zstd(CONTENT[:999]) + zstd(CONTENT[999:]), ("zstd",)),
        (gzip.compress(CONTENT) + b"\0" * 700, ("gzip",)),
    ],
    # Compressed content holds the time: it would be another name in each process.
    ids=["none", "gzip", "zstd", "zstd in gzip", "gzip in zstd", "two of gzip", "two of zstd", "gzip and zeros"],
)
def test_compression_is_seen_by_content(wrapped, layers):
    with open_stream(io.BytesIO(wrapped), "export") as stream:
        assert stream.layers == layers
        assert stream.peek(10) == CONTENT[:10]
        assert stream.read(7) + stream.read() == CONTENT
        assert (stream.read(5), stream.damage) == (b"", "")


def test_three_layers_are_refused():
    with pytest.raises(UnreadableExport, match=r"compressed more than 2 times \(gzip, gzip, gzip\)"):
        all_of(gzip.compress(gzip.compress(gzip.compress(CONTENT))))


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_bomb_is_stopped_at_the_limit(compress, monkeypatch):
    monkeypatch.setattr(_streams, "RATIO_GRACE", 4 << 20)
    bomb = compress(bytes(64 << 20))
    with pytest.raises(UnreadableExport, match="500-fold beyond 4 MiB"):
        all_of(bomb)


def test_a_nested_bomb_counts_the_bytes_of_the_file(monkeypatch):
    monkeypatch.setattr(_streams, "RATIO_GRACE", 4 << 20)
    with pytest.raises(UnreadableExport, match="the limits are"):
        all_of(gzip.compress(gzip.compress(bytes(64 << 20))))


def test_the_absolute_limit(monkeypatch):
    monkeypatch.setattr(_streams, "SIZE_LIMIT", 1000)
    with pytest.raises(UnreadableExport, match="the limits are"):
        all_of(gzip.compress(CONTENT))


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_what_comes_before_a_cut_is_kept(compress):
    noise = random.Random(1).randbytes(3_000_000).hex().encode()
    whole = compress(noise)
    with open_stream(io.BytesIO(whole[: len(whole) // 2]), "export") as stream:
        found = stream.read()
        damage = stream.damage
    assert noise.startswith(found)
    assert len(found) > len(noise) // 4
    assert damage == ("gzip data is cut off" if compress is gzip.compress else "zstd data is cut off")


def test_damaged_gzip_says_so():
    whole = bytearray(gzip.compress(random.Random(1).randbytes(100_000)))
    whole[50_000:50_100] = b"\xff" * 100
    with open_stream(io.BytesIO(bytes(whole)), "export") as stream:
        stream.read()
        assert stream.damage in {"gzip data is damaged", "gzip data is cut off"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks(encoding):
    text = '{"é":1}'
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    assert all_of((mark + text).encode(encoding)) == text.encode()
    assert all_of(gzip.compress((mark + text).encode(encoding))) == text.encode()


def test_paths_standard_input_and_missing_files(tmp_path, monkeypatch):
    path = tmp_path / "any.name"
    path.write_bytes(gzip.compress(CONTENT))
    with open_stream(path) as stream:
        assert stream.name == str(path)
        assert stream.read() == CONTENT
    with open_stream(f"file://{path}") as stream:
        assert stream.read() == CONTENT
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CONTENT)))
    with open_stream("-") as stream:
        assert stream.read() == CONTENT
    for missing in (tmp_path / "none", tmp_path, "unknown-scheme://x"):
        with pytest.raises(UnreadableExport, match=r"cannot be opened|cannot be read"):
            open_stream(missing)


def test_short_reads_of_a_pipe_are_put_together():
    reading, writing = os.pipe()
    os.write(writing, gzip.compress(CONTENT)[:2000])
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as raw, open_stream(raw, "pipe") as stream:
        assert stream.peek(20) == CONTENT[:20]


def test_messages_of_framed_files():
    assert unzstd(zstd(b"x" * 1000), 1000) == b"x" * 1000
    with pytest.raises(ValueError, match="more than 999"):
        unzstd(zstd(b"x" * 1000), 999)
    with pytest.raises(ValueError, match="damaged"):
        unzstd(b"\x28\xb5\x2f\xfd" + b"\xff" * 20, 999)
    noise = random.Random(1).randbytes(400_000).hex().encode()
    part = unzstd_part(zstd(noise)[:200_000], 1 << 30)
    assert part is not None
    assert noise.startswith(part)
    assert unzstd_part(b"nothing", 10) is None
