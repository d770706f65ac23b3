"""The tables of a statement, with modes and with how they are known."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from analysis.sql.access import TableAccess
from analysis.sql.scan import scan_tables, summary_tables
from analysis.sql.tree import NotParsedError, calls_function, is_statement, parse, tree_tables, verb_of
from analysis.sql.words import dialect_of

Method = Literal["none", "parsed", "scanned"]

SCANNED_CONFIDENCE = 0.6
# Longer or deeper statements are scanned: the parser takes about 1 ms for 1,000 characters, and one Python frame or
# more for each parenthesis.
MAX_PARSED_CHARACTERS = 16_384
MAX_PARSED_DEPTH = 40
MAX_SCANNED_CHARACTERS = 65_536
_MAX_STATEMENTS = 100
# Longer templates are judged anew each time, so that a hostile export does not fill the memory with them.
_MAX_REMEMBERED_CHARACTERS = 4_096

_CONTROL_WORDS = (
    "ABORT APPLY BEGIN CHECKPOINT COMMIT DEALLOCATE DISCARD END KILL LISTEN NOTIFY PING PRAGMA RELEASE RESET ROLLBACK "
    "SAVEPOINT SET SHOW START UNLISTEN UNLOCK USE"
)
_CONTROL = frozenset(_CONTROL_WORDS.split())
_WITHOUT_TABLES = {
    "ANALYZE": "maintenance",
    "CLOSE": "cursor: tables unknown",
    "DECLARE": "block: tables unknown",
    "DESC": "description of the schema",
    "DESCRIBE": "description of the schema",
    "DO": "anonymous block: tables unknown",
    "EXECUTE": "prepared statement or procedure: tables unknown",
    "FETCH": "cursor: tables unknown",
    "GRANT": "administration",
    "PREPARE": "prepared statement: tables unknown",
    "REINDEX": "maintenance",
    "REVOKE": "administration",
    "VACUUM": "maintenance",
}
_PROCEDURE = "procedure call: tables unknown"
_FUNCTION = "function call: it may touch more tables"
_STATEMENT_VERB = r"(?:SELECT|INSERT|UPDATE|DELETE|MERGE|REPLACE|UPSERT|WITH|TABLE|\()"
_EXPLAIN = re.compile(
    rf"^(?:EXPLAIN|DESCRIBE|DESC)\b((?: (?:ANALYZE|VERBOSE|EXTENDED|PARTITIONS|QUERY|PLAN|FOR|PIPELINE|AST)\b)*"
    rf"(?: FORMAT ?=? ?\w+)?(?: ?\([^()]*\))?) (?={_STATEMENT_VERB})",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    rf"^(?:DECLARE\b.*?\bBEGIN|BEGIN(?: (?:ATOMIC|(?:(?:UNLOGGED|LOGGED|COUNTER) )?BATCH))?(?: USING TIMESTAMP \?)?)"
    rf" (?={_STATEMENT_VERB}|CALL\b)",
    re.IGNORECASE,
)
# Span names of Python's instrumentations put the verb before the statement that begins with it.
_DOUBLED_VERB = re.compile(r"^(\w+) (?=\1 )")
_CALL = re.compile(r"^(?:\? = )?(?:CALL|EXEC)\b|^BEGIN [\w.]+\(")
_ESCAPED = re.compile(r"\{ (?:ts|d|t|oj|fn) ([^{}]*?) ?\}", re.IGNORECASE)
_REPARSED = (
    (re.compile(r"^(?:REPLACE|UPSERT)\b(?: (?:LOW_PRIORITY|DELAYED))?(?: INTO\b)?"), "INSERT INTO"),
    (re.compile(r"\b(?:DATE|TIME|TIMESTAMP|DATETIME) \?", re.IGNORECASE), "?"),
    (re.compile(r" AS \?"), ""),
    # Clauses of CQL.
    (re.compile(r"(?: ALLOW FILTERING| IF(?: NOT)? EXISTS)$|(?: USING| AND) (?:TTL|TIMESTAMP) \?", re.IGNORECASE), ""),
    (re.compile(r"(\w+)\(\?(?:, \?)*\)(?= (?:NOT|NULL|DEFAULT|PRIMARY|UNIQUE)\b|\)|,|::)"), r"\1(1)"),
    (re.compile(r"::(\w+)\([^()]*\)"), r"::\1"),
)


class StatementTables(NamedTuple):
    """
    What a statement touches.

    Parameters
    ----------
    accesses
        Tables and modes, sorted, each once; a table both read and written has two entries.
    verb
        SELECT, INSERT, UPDATE, DELETE, MERGE, CALL, CREATE …; `""` for an empty text.
    method
        `parsed` from a syntax tree; `scanned` from the words around names, or from a summary; `none` where the
        statement names no table that could be found so.
    confidence
        1.0 parsed, 0.6 scanned, 0.0 none.
    note
        What a reader should know; `""` when nothing.
    control
        Whether it only steers the session or transaction (BEGIN, COMMIT, SAVEPOINT, SET, SHOW …).
    """

    accesses: tuple[TableAccess, ...]
    verb: str
    method: Method
    confidence: float
    note: str = ""
    control: bool = False


_NOTHING = StatementTables((), "", "none", 0.0)


def tables(template: str, system: str = "") -> StatementTables:
    """
    Find the tables of a statement.

    Parameters
    ----------
    template
        A statement as `fingerprint` leaves it, or a summary such as `SELECT orders`.
    system
        The database system, as in `db.system`; it chooses the dialect.

    Returns
    -------
    StatementTables
        Never raises: what cannot be parsed is scanned, and says so.
    """
    if len(template) <= _MAX_REMEMBERED_CHARACTERS:
        return _remembered(template, system)
    return _tables(template[:MAX_SCANNED_CHARACTERS], system)


def _tables(template: str, system: str) -> StatementTables:
    text = template.replace("\0", " ").strip()
    dialect = dialect_of(system) or _dialect_of_quotes(text)
    statements = [part.strip() for part in text.split(";", _MAX_STATEMENTS)[:_MAX_STATEMENTS]]
    judged = [_judge(statement, dialect) for statement in statements if statement]
    return _together([one for one in judged if not one.control] or judged[:1])


_remembered = lru_cache(maxsize=16_384)(_tables)


def _dialect_of_quotes(text: str) -> str:
    if "`" in text:
        return "mysql"
    return "tsql" if re.search(r"(?<!\w)\[[^\W\d]", text) else ""


def _together(judged: list[StatementTables]) -> StatementTables:
    """Put several statements sent at once together; the first that touches a table gives the verb."""
    if len(judged) <= 1:
        return judged[0] if judged else _NOTHING
    touching = [one for one in judged if one.accesses]
    leading = (touching or judged)[0]
    least = min(touching or judged, key=lambda one: one.confidence)
    accesses = {access for one in judged for access in one.accesses}
    notes = sorted({one.note for one in judged if one.note})
    return StatementTables(tuple(sorted(accesses)), leading.verb, least.method, least.confidence, "; ".join(notes))


def _judge(statement: str, dialect: str) -> StatementTables:
    text = _ESCAPED.sub(r"\1", statement)
    text = _DOUBLED_VERB.sub("", _BLOCK.sub("", text.strip("{} ")))
    verb = re.split(r"[ (]", text, maxsplit=1)[0].upper()
    verb = "SELECT" if verb in {"FROM", "TABLE"} else verb
    if _CALL.match(text) or (verb == "EXECUTE" and dialect == "tsql"):
        return StatementTables((), "CALL", "none", 0.0, _PROCEDURE)
    if explained := _EXPLAIN.match(text):
        return _explain(text[explained.end() :], dialect, executed="ANALYZE" in explained.group(1).upper())
    if verb in _CONTROL:
        return StatementTables((), verb, "none", 0.0, control=True)
    if verb in _WITHOUT_TABLES:
        return StatementTables((), verb, "none", 0.0, _WITHOUT_TABLES[verb])
    if accesses := summary_tables(text, dialect):
        return StatementTables(accesses, verb, "scanned", SCANNED_CONFIDENCE, "summary of a query")
    if len(text) <= MAX_PARSED_CHARACTERS and _depth(text) <= MAX_PARSED_DEPTH:
        for attempt in _attempts(text):
            try:
                tree = parse(attempt, dialect)
                accesses = tree_tables(tree, dialect)
            except (NotParsedError, RecursionError):
                continue
            if not is_statement(tree):
                break
            note = _FUNCTION if calls_function(tree) and not accesses else ""
            return StatementTables(
                accesses, (verb_of(tree) if verb in {"", "WITH"} else "") or verb, "parsed", 1.0, note
            )
    accesses = scan_tables(text, dialect)
    if not accesses:
        return StatementTables((), verb, "none", 0.0, "no table found")
    return StatementTables(accesses, verb, "scanned", SCANNED_CONFIDENCE)


def _explain(statement: str, dialect: str, *, executed: bool) -> StatementTables:
    inner = _judge(statement, dialect)
    if executed:
        return inner._replace(verb="EXPLAIN")
    planned = tuple(sorted({TableAccess(access.table, "unknown") for access in inner.accesses}))
    return inner._replace(accesses=planned, verb="EXPLAIN", note="EXPLAIN: planned, not run")


def _attempts(text: str) -> tuple[str, ...]:
    """Give the forms in which a statement is offered to the parser, the most faithful first."""
    changed = text
    for pattern, replacement in _REPARSED:
        changed = pattern.sub(replacement, changed)
    return tuple(dict.fromkeys((changed, changed.replace("?", "1"))))


def _depth(text: str) -> int:
    depth = deepest = 0
    for mark in re.findall(r"[()]", text):
        depth += 1 if mark == "(" else -1
        deepest = max(deepest, depth)
    return deepest
