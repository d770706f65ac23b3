"""The way to the database, in another availability zone: a relay that adds a delay.

On loopback a query takes a fraction of a millisecond, and no problem of chattiness would show.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

CHUNK_BYTES = 1 << 16


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            loop.call_later(delay_s, writer.write, chunk)
    loop.call_later(delay_s, writer.close)


async def relay(listen: tuple[str, int], target: tuple[str, int], delay_s: float) -> None:
    """Relay every connection from `listen` to `target`, each direction late by `delay_s`."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*target)
        for end in (writer, far_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_pipe(reader, far_writer, delay_s), _pipe(far_reader, writer, delay_s))

    server = await asyncio.start_server(accept, *listen)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run `python -m shop.link HOST PORT TARGET_HOST TARGET_PORT DELAY_MS`."""
    host, port, target_host, target_port, delay_ms = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(relay((host, int(port)), (target_host, int(target_port)), float(delay_ms) / 1000))


if __name__ == "__main__":
    main()
