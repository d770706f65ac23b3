"""OpenTelemetry traces and logs as Protocol Buffers, bare or in the frames of the Collector's file exporter.

**Who exports it.** The OpenTelemetry Collector's file exporter with ``format: proto`` (``exporters: file: path:
traces.bin, format: proto``), with or without ``compression: zstd``; anything that keeps the body of an OTLP/HTTP or
OTLP/gRPC request.

**What is read.** TracesData, LogsData and the export requests, which have the same form. One message by itself, or
any number, each after its length in four bytes, most significant first; each may be compressed with zstd, and each
may be JSON instead of Protocol Buffers, which is how the file exporter compresses that. A file compressed as a whole
is decompressed before.

**What is assumed.** Traces and logs have no mark of their own in this format: which it is shows in the fields of the
records. Metrics are passed over. A start and an end of 0 are absent times. A length that lies costs its own message
only: the next place where a whole message fits is looked for, and what is whole of the broken one is kept. Ids of 24
and 12 bytes come from tools that took hexadecimal digits for base64; they are put right and noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analysis.sources import otlp_json
from analysis.sources._collection import without_collection
from analysis.sources._framing import (
    FRAME_LIMIT,
    ZSTD,
    Buffer,
    frame_length,
    looks_like_block,
    next_block,
    next_frame,
)
from analysis.sources._ledger import Rejects
from analysis.sources._otlp_messages import Messages
from analysis.sources._rows import Batch
from analysis.sources._streams import Readable
from analysis.sources._zstd import unzstd, unzstd_part

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "otlp-protobuf"
TITLE: Final = "OpenTelemetry protobuf: Collector's file exporter, bodies of OTLP requests"
DESCRIPTION: Final = __doc__ or ""

CUT_OFF: Final = "the message is cut off"
LYING: Final = "the length of a message is wrong"
DAMAGED: Final = "zstd data is damaged"


def sniff(head: bytes) -> bool:
    """Return whether the bytes begin a message of OTLP, bare or after its length."""
    if looks_like_block(head, 0):
        return True
    length = frame_length(head, 0)
    if not 0 < length <= FRAME_LIMIT:
        return False
    if head[4:8] == ZSTD:
        return True
    return looks_like_block(head, 4) or (head[4:5] == b"{" and otlp_json.sniff(head[4:]))


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans and logs in batches."""
    yield from _read(stream, rejects, Messages(rejects))


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a record at a time: what the scan is tested against."""
    yield from _read(stream, rejects, Messages(rejects, scanned=False))


def _read(stream: Readable, rejects: Rejects, messages: Messages) -> Iterator[Batch]:
    buffer = Buffer(stream)
    buffer.fill(8)
    reader = _bare if looks_like_block(buffer.data, 0) else _framed
    for batches in reader(buffer, messages, rejects):
        yield from batches
        yield from messages.full()
    yield from messages.rest()
    damage = getattr(stream, "damage", "")
    if damage:
        rejects.add(damage, "the end of the file", "what came before was read")


def _bare(buffer: Buffer, messages: Messages, rejects: Rejects) -> Iterator[Iterator[Batch]]:
    """Read one message block by block, however long it is."""
    while buffer.fill(1):
        end = buffer.block_end()
        if end > 0:
            messages.take_message(buffer.data, 0, end, buffer.base)
            buffer.drop(end)
            yield iter(())
            continue
        # What fits again is looked for before the rest is taken for the part that was cut off.
        following = next_block(buffer.data, 1)
        rejects.add(CUT_OFF if following < 0 else LYING, f"byte {buffer.base}")
        if following < 0:
            messages.take_part(buffer.data, 0, len(buffer.data), buffer.base)
            return
        buffer.drop(following)


def _framed(buffer: Buffer, messages: Messages, rejects: Rejects) -> Iterator[Iterator[Batch]]:
    """Read messages one after another, each after its length."""
    number = 0
    while buffer.fill(4) or buffer.data:
        number += 1
        length = frame_length(buffer.data, 0)
        have = buffer.fill(4 + length) if 0 <= length <= FRAME_LIMIT else False
        end = 4 + length if have else len(buffer.data)
        place = f"byte {buffer.base}"
        first = bytes(buffer.data[4:8])
        whole = have
        read_to = 4
        if first == ZSTD:
            content = _decompressed(bytes(memoryview(buffer.data)[4:end]), have, rejects, place)
            whole = have and content is not None
            if content is not None:
                yield _message(content, messages, rejects, f"message {number}")
        elif first[:1] == b"{" and have:
            messages.settle()
            yield otlp_json.read_message(bytes(memoryview(buffer.data)[4:end]), rejects, place)
        else:
            read_to = messages.take_message(buffer.data, 4, end, buffer.base)
            whole = have and read_to == end
            yield iter(())
        if whole:
            buffer.drop(end)
            continue
        following = next_frame(buffer.data, max(read_to, 1))
        if first != ZSTD or not have:
            rejects.add(CUT_OFF if following < 0 and not have else LYING, place)
        if following < 0:
            if first != ZSTD:
                messages.take_part(buffer.data, read_to, end, buffer.base)
            return
        buffer.drop(following)


def _decompressed(content: bytes, whole: bool, rejects: Rejects, place: str) -> bytes | None:
    """Return what a compressed message holds; of a damaged or cut one, what comes before the damage."""
    try:
        return unzstd(content, FRAME_LIMIT)
    except ValueError as error:
        if whole:
            rejects.add(DAMAGED, place, str(error))
    return None if whole else unzstd_part(content, FRAME_LIMIT)


def _message(content: bytes, messages: Messages, rejects: Rejects, position: str) -> Iterator[Batch]:
    """Read a decompressed message, which may be JSON."""
    if content[:1] == b"{":
        messages.settle()
        return otlp_json.read_message(content, rejects, position)
    end = messages.take_message(content, 0, len(content), 0, position)
    if end < len(content):
        rejects.add(CUT_OFF, f"{position}, byte {end}")
        messages.take_part(content, end, len(content), 0, position)
    return iter(())
