"""Lines gathered in pieces of any size are those of the whole."""

from __future__ import annotations

import random

import pytest

from analysis.sources import Rejects
from analysis.sources._documents import LINE, LINES
from analysis.sources._gathering import Lines
from analysis.sources._scan_found import Unit

_AROUND = b" \t\r,\x1e"
_KINDS = (b'{"a":1}', b"x" * 70, b"", b" , ", b"\x1e{}\r", "{'é'}".encode(), b"\xff{", b"," * 40 + b"{}")


def gathered(content: bytes, size: int, every: int) -> list[tuple[Unit, int]]:
    """Return the lines and their forms, when pieces of a size come in and lines are taken after so many of them."""
    lines, found = Lines(7, Rejects(), 8), []

    def take() -> None:
        lines.join()
        found.extend((lines[number], int(form)) for number, form in enumerate(lines.bounds[:, 2]))
        lines.drop()

    for number, begin in enumerate(range(0, len(content), size)):
        lines.add(Unit(LINES, content[begin : begin + size], ""))
        if number % every == 0:
            take()
    lines.finish()
    take()
    return found


def expected(content: bytes) -> list[tuple[Unit, int]]:
    """Return what a line at a time gives: what is no text has no form."""
    told = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip(_AROUND):
            is_text = line.decode(errors="replace").encode() == line
            told.append((Unit(LINE, line.strip(_AROUND), f"line {number}"), 7 if is_text else -1))
    return told


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1, 7, 32, 33, 500])
def test_lines_are_found_wherever_pieces_end(seed, size):
    chance = random.Random(seed)
    content = b"\n".join(chance.choices(_KINDS, k=60)) + chance.choice([b"", b"\n"])
    assert gathered(content, size, chance.randint(1, 9)) == expected(content)


def test_more_lines_than_there_is_room_for_at_first():
    content = b"{}\n\n" * 20_000
    assert gathered(content, 1 << 20, 1) == expected(content)
