"""
Tables by the words around them, for statements that no parser takes: other dialects, cut or garbled texts.

One walk over the template. Each open parenthesis has a frame that says whether a list of tables is being read there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analysis.sql.access import Mode, TableAccess, holds_rows, table_name
from analysis.sql.words import KEYWORDS

_MAX_TABLES = 1_000
_PART = r'(?:[^\W\d][\w$#]*+|`[^`]*+`|"[^"]*+"|\[[^\]]*+\])'
_TOKEN = re.compile(rf"#{{0,2}}{_PART}(?>(?:\.{{1,2}}{_PART})*)(?>(?:@\w++)?)\(?|\S")
_CTE = re.compile(
    rf"(?:\bWITH(?: RECURSIVE)?|,) ({_PART})(?:\([^()]*\))? AS (?:NOT )?(?:MATERIALIZED )?\(", re.IGNORECASE
)
_COPY = re.compile(rf"COPY ({_PART}(?>(?:\.{_PART})*)) ?(?:\([^()]*\))? ?(FROM|TO)\b")
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

    listing: Mode | None = None
    target: bool = False
    expected: Mode | None = None
    from_inside: bool = False


@dataclass(slots=True, eq=False)
class _Named:
    """A table as it was met, with its alias; a target may be the alias of another."""

    name: str
    mode: Mode
    alias: str = ""
    target: bool = False


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
        elif name := table_name(word, dialect):
            found.add(TableAccess(name, mode))
        else:
            # A quote without a name: no summary.
            return ()
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
    if copied := _COPY.match(template):
        mode: Mode = "write" if copied.group(2) == "FROM" else "read"
        name = table_name(copied.group(1), dialect)
        return (TableAccess(name, mode),) if name else ()
    named = _walk(_TOKEN.findall(template), dialect)
    hidden = {table_name(name, dialect) for name in _CTE.findall(template)}
    aliases = {table.alias for table in named if table.alias}
    found: set[TableAccess] = set()
    for table in _resolved(named):
        path_of_alias = table.name.partition(".")[0] in aliases and "." in table.name
        if not path_of_alias and table.name not in hidden and holds_rows(table.name):
            found.add(TableAccess(table.name, table.mode))
    return tuple(sorted(found))


def _resolved(named: list[_Named]) -> list[_Named]:
    """Put the table in the place of a target that is named by its alias, or named again in FROM."""
    kept = list(named)
    for target in [table for table in named if table.target]:
        for other in named:
            if other is not target and (other.alias or other.name) == target.name:
                other.mode = "write"
                kept.remove(target)
                break
    return kept


def _walk(tokens: list[str], dialect: str) -> list[_Named]:
    frames = [_Frame()]
    named: list[_Named] = []
    verb = ""
    previous = ""
    for index, part in enumerate(tokens):
        if len(named) >= _MAX_TABLES:
            break
        following = tokens[index + 1] if index + 1 < len(tokens) else ""
        frame = frames[-1]
        if part == "(":
            frame.expected = None
            frames.append(_Frame(listing="read" if previous in {"FROM", "JOIN"} else None))
        elif part == ")":
            if len(frames) > 1:
                frames.pop()
        elif part == ",":
            frame.expected = frame.listing
        elif frame.expected is not None and part not in _SKIPPED_BEFORE_NAME and _names_table(part, frame.expected):
            name, alias = (
                table_name(text.split("@")[0], dialect) for text in (part.rstrip("("), _alias(tokens, index))
            )
            named.append(_Named(name, frame.expected, alias, target=frame.target))
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
        frame.target = False
        if not frame.from_inside and previous != "DISTINCT":
            frame.listing = "read"
            frame.expected = "write" if previous == "DELETE" else "read"
    elif word in {"JOIN", "STRAIGHT_JOIN"}:
        frame.target = False
        frame.expected = "read"
    elif word == "USING":
        joins_tables = verb in {"DELETE", "MERGE"}
        frame.expected = "read" if joins_tables else None
        frame.listing = "read" if joins_tables else frame.listing
    elif word in {"INTO", "OVERWRITE", "VIEW", "TRUNCATE"} or (word == "TABLE" and frame.expected is None):
        frame.expected = "unknown" if verb == "LOCK" else "write"
        frame.listing = "write" if verb in {"TRUNCATE", "DROP"} else frame.listing
    elif word in {"UPDATE", "DELETE", "INSERT", "MERGE", "UPSERT"}:
        if previous in _VERB_FOLLOWS and following not in KEYWORDS and following.upper() != "OVERWRITE":
            frame.expected = "write"
            frame.listing = "write" if word == "DELETE" else None
            frame.target = word in {"UPDATE", "DELETE"}
    elif word == "ON":
        # An index or a trigger is made on a table.
        made_on = verb in {"CREATE", "DROP"} and frame.listing is None and following not in KEYWORDS
        frame.expected = "write" if made_on else None
    elif word in _ENDS_TABLES:
        frame.listing = None
        frame.expected = None
    elif frame.expected is not None and word not in _SKIPPED_BEFORE_NAME:
        frame.expected = None
