"""
Tables by the words around them, for statements that no parser takes: other dialects, cut or garbled texts.

One walk over the template. Each open parenthesis has a frame that says whether a list of tables is being read there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analysis.sql.access import Mode, TableAccess, holds_rows, table_name
from analysis.sql.words import KEYWORDS

_PART = r'(?:[^\W\d][\w$#]*+|`[^`]*+`|"[^"]*+"|\[[^\]]*+\])'
_TOKEN = re.compile(rf"#{{0,2}}{_PART}(?:\.{{1,2}}{_PART})*+(?:@\w++)?+\(?|\S")
_CTE = re.compile(
    rf"(?:\bWITH(?: RECURSIVE)?|,) ({_PART})(?:\([^()]*\))? AS (?:NOT )?(?:MATERIALIZED )?\(", re.IGNORECASE
)
_ENDING_WORDS = (
    "WHERE GROUP ORDER HAVING LIMIT UNION INTERSECT EXCEPT MINUS SET VALUES SELECT WINDOW RETURNING FETCH OFFSET FOR "
    "WHEN OUTPUT QUALIFY START CONNECT PREWHERE"
)
_ENDS_TABLES = frozenset(_ENDING_WORDS.split())
_OTHER_WORDS = "SELECT FROM VALUES OUTFILE DUMPFILE SET DEFAULT WHERE UNNEST STDIN STDOUT INTO"
_NOT_A_TABLE = frozenset(_OTHER_WORDS.split())
_SKIPPED_WORDS = "ONLY LATERAL IF NOT EXISTS TABLE IGNORE LOW_PRIORITY DELAYED QUICK CONCURRENTLY"
_SKIPPED_BEFORE_NAME = frozenset(_SKIPPED_WORDS.split())
# Functions whose arguments are separated by FROM.
_FROM_INSIDE = frozenset({"EXTRACT(", "SUBSTRING(", "TRIM(", "OVERLAY(", "POSITION("})
_VERB_FOLLOWS = frozenset({"", ";", "(", ")", "AS (", "BEGIN", "THEN", "DO"})
_SUMMARY_MODES: dict[str, Mode] = {
    "SELECT": "read",
    "INSERT": "write",
    "UPDATE": "write",
    "DELETE": "write",
    "MERGE": "write",
    "UPSERT": "write",
    "REPLACE": "write",
    "TRUNCATE": "write",
}
_NO_TABLES = frozenset(
    {"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_USER", "SYSDATE", "VERSION", "USER"}
)


@dataclass(slots=True)
class _Frame:
    """What is being read within one pair of parentheses."""

    listing: bool = False
    expected: Mode | None = None
    from_inside: bool = False


@dataclass(slots=True)
class _Named:
    """A table as it was met, with its alias."""

    text: str
    mode: Mode
    alias: str = ""


def summary_tables(template: str, dialect: str) -> tuple[TableAccess, ...]:
    """
    Read a summary of a query, as instrumentations write it instead of a statement.

    OpenTelemetry's `db.query.summary` joins operations and targets by spaces (`SELECT orders`, `INSERT a SELECT b`);
    others write `SELECT FROM orders`.

    Returns
    -------
    tuple of TableAccess
        Empty when the text is no summary.
    """
    words = template.split(" ")
    mode = _SUMMARY_MODES.get(words[0])
    if mode is None or len(words) < 2 or any(not _TOKEN.fullmatch(word) or word.endswith("(") for word in words):
        return ()
    if words[0] == "SELECT" and words[1] == "FROM" and len(words) == 3:
        words = [words[0], words[2]]
    if len(words) > 2 and any(word in KEYWORDS and word not in _SUMMARY_MODES for word in words):
        return ()
    found: set[TableAccess] = set()
    for word in words[1:]:
        if len(words) > 2 and word in _SUMMARY_MODES:
            mode = _SUMMARY_MODES[word]
        elif word.upper() in _NO_TABLES or not (word[0].isalpha() or word[0] in '_`"['):
            return ()
        else:
            found.add(TableAccess(table_name(word, dialect), mode))
    return tuple(sorted(found))


def scan_tables(template: str, dialect: str) -> tuple[TableAccess, ...]:
    """
    Find tables after FROM, JOIN, INTO, UPDATE, TABLE, USING and their like.

    Parameters
    ----------
    template
        One statement as `fingerprint` leaves it.
    dialect
        Name of the dialect, for the case of quoted names.

    Returns
    -------
    tuple of TableAccess
        Sorted, each once; names of common table expressions are left out.
    """
    tokens = _TOKEN.findall(template)
    named = _walk(tokens)
    hidden = {table_name(name, dialect) for name in _CTE.findall(template)}
    aliases = {table.alias.lower(): table for table in named if table.alias}
    found: set[TableAccess] = set()
    replaced: set[int] = set()
    for table in named:
        target = aliases.get(table.text.lower())
        if table.mode == "write" and target is not None and target is not table:
            replaced.add(id(target))
            found.add(TableAccess(table_name(target.text, dialect), "write"))
            replaced.add(id(table))
    for table in named:
        name = table_name(table.text.split("@", maxsplit=1)[0], dialect)
        first = table.text.split(".", maxsplit=1)[0].lower()
        path_of_alias = "." in table.text and first in aliases
        if id(table) not in replaced and not path_of_alias and name not in hidden and holds_rows(name):
            found.add(TableAccess(name, table.mode))
    return tuple(sorted(found))


def _walk(tokens: list[str]) -> list[_Named]:
    frames = [_Frame()]
    named: list[_Named] = []
    verb = ""
    previous = ""
    for index, part in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else ""
        frame = frames[-1]
        if part == "(":
            frame.expected = None
            frames.append(_Frame(listing=previous in {"FROM", "JOIN"}, expected=frame.expected))
        elif part == ")":
            if len(frames) > 1:
                frames.pop()
        elif part == ",":
            frame.expected = "read" if frame.listing else None
        elif frame.expected is not None and part not in _SKIPPED_BEFORE_NAME and _names_table(part, frame.expected):
            named.append(_Named(part.rstrip("("), frame.expected, _alias(tokens, index)))
            frame.expected = None
            if part.endswith("("):
                frames.append(_Frame())
        elif part.endswith("("):
            frame.expected = None
            frames.append(_Frame(from_inside=part in _FROM_INSIDE))
        else:
            verb = verb or part
            _read_word(part, previous, following, verb, frame)
        previous = part
    return named


def _names_table(token: str, expected: Mode) -> bool:
    """Say whether a token can name a table; one with arguments is a function unless it is written to."""
    if not _TOKEN.fullmatch(token) or not (token[0].isalpha() or token[0] in '_`"[#'):
        return False
    if token.endswith("(") and expected == "read":
        return False
    return token.upper() not in _NOT_A_TABLE


def _alias(tokens: list[str], index: int) -> str:
    """Give the alias after the name at an index, if one follows."""
    rest = tokens[index + 1 : index + 3]
    if len(rest) == 2 and rest[0] == "AS":
        return rest[1]
    if rest and rest[0] not in KEYWORDS and rest[0][0].isalpha() and not rest[0].endswith("("):
        return rest[0]
    return ""


def _read_word(word: str, previous: str, following: str, verb: str, frame: _Frame) -> None:
    """Note in the frame what a word says about the names after it."""
    if word == "FROM":
        if frame.from_inside or (previous == "DISTINCT" and following and frame.listing):
            return
        frame.listing = True
        frame.expected = "write" if previous in {"DELETE", "ONLY"} and verb == "DELETE" else "read"
    elif word in {"JOIN", "STRAIGHT_JOIN"}:
        frame.expected = "read"
    elif word == "USING":
        frame.listing = verb in {"DELETE", "MERGE"}
        frame.expected = "read" if frame.listing else None
    elif word in {"INTO", "OVERWRITE", "VIEW", "TRUNCATE"} or (word == "TABLE" and frame.expected is None):
        frame.expected = "unknown" if verb == "LOCK" else "write"
    elif word in {"UPDATE", "DELETE", "INSERT", "MERGE", "UPSERT"}:
        if previous in _VERB_FOLLOWS and following not in {"SET", "FROM", "INTO", "CASCADE"}:
            frame.expected = "write"
    elif word == "ON":
        # An index or a trigger is made on a table.
        frame.expected = "write" if verb in {"CREATE", "DROP"} and not frame.listing else None
    elif word in _ENDS_TABLES:
        frame.listing = False
        frame.expected = None
    elif frame.expected is not None and word not in _SKIPPED_BEFORE_NAME:
        frame.expected = None
