"""
A statement without its values: one scanner pass, linear in the text, bounded in length.

The scanner never guesses in favour of the text. Where a literal has no end, or none that can be trusted, everything
after its beginning is dropped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from analysis.sql.tokens import WORD, Scanner, scanner_of
from analysis.sql.words import CONSTANTS, FUNCTIONS, KEYWORDS, dialect_of, double_quoted_strings

MAX_STATEMENT_CHARACTERS = 65_536
_MAX_REMEMBERED_WORDS = 16_384
# Longer tokens are worked out again rather than remembered.
_MAX_REMEMBERED_CHARACTERS = 1_024

_DOLLAR_TAG = re.compile(r"\$[^\W\d]\w*+\$")
_UNQUALIFIED_DOUBLE = re.compile(rf'"{WORD}"')
# Where a double-quoted word cannot be a name: it is compared with, or stands in a list of values.
_DOUBLE_AS_VALUE = re.compile(
    r'"(?:(?<=[=<>+|-] ")|(?<=LIKE ")|(?<=REGEXP ")|(?<=BETWEEN ")|(?<=(?:THEN|ELSE) ")|(?<=LIMIT ")|(?<=IN \(")'
    r'|(?<=VALUES \("))'
)
_BEFORE_VALUES = "= < > <= >= <> != <=> || + - LIKE ILIKE REGEXP RLIKE BETWEEN THEN ELSE LIMIT INTERVAL ESCAPE"
_VALUE_FOLLOWS = frozenset(_BEFORE_VALUES.split())
_NAME_FOLLOWS = frozenset(["FROM", "JOIN", "INTO", "UPDATE", "TABLE", "AS", "SAVEPOINT", "INDEX"])
_ENDS_VALUES = frozenset(["ON", "RETURNING", "SELECT", "AS", "SET", "WHERE", ";"])
_HIDDEN_VALUES = frozenset(["'?'", '"?"', "'***'", '"***"', "'...'", "'%s'", "'REDACTED'", "'[REDACTED]'"])

_ITEM = r"(?:\?|NULL|DEFAULT|TRUE|FALSE)(?:::\w+(?:\[\])?)?"
_VALUE_LIST = re.compile(rf"\((?<=[ (]\(){_ITEM}(?>(?:, {_ITEM})*)\)")
_ARRAY_LIST = re.compile(rf"\[{_ITEM}(?>(?:, {_ITEM})+)\]")
_REPEATED_LISTS = re.compile(r"\(\?\)(?>(?:, \(\?\))+)")
_REPEATED_ROWS = re.compile(r"(\((?>(?:[^()]|\([^()]*+\))*)\))(?>(?:, \1)+)")
_CUT_LIST = re.compile(r"\(\?,(?>(?: \?,?)*)$")
_CUT_ROWS = re.compile(r"\(\?\), \((?:\?,?)?$")
_SAVEPOINT = re.compile(r"\b(SAVEPOINT|ROLLBACK TO|RELEASE) (?!SAVEPOINT\b)\S+")
_CURSOR = re.compile(r"^(DECLARE|CLOSE|FETCH (?:[\w?]+ )*FROM) \S+(?=$| (?:\w+ )*CURSOR\b)")


class Fingerprint(NamedTuple):
    """
    What is left of a statement when its values are taken out.

    Parameters
    ----------
    template
        The statement with keywords in upper case, one way of spacing, literals and placeholders as `?`, lists of
        values and repeated rows collapsed, without comments.
    parameters
        An unsigned 64-bit hash of the literals in their order; 0 when there was none.
    sanitised
        Whether at least one value was hidden behind a placeholder. Equal `parameters` then prove nothing: the hidden
        values may differ.
    truncated
        Whether a part is missing: a literal, comment or parenthesis without end, a closing ellipsis, or more than
        `MAX_STATEMENT_CHARACTERS`.
    """

    template: str
    parameters: int
    sanitised: bool
    truncated: bool


def hash_of(values: Iterable[str]) -> int:
    """Hash texts in their order to an unsigned 64-bit integer that is never 0 and the same in every process."""
    text = "\0".join(values).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") or 1


# Tokens and stretches with their spelling: names, keywords, placeholders and operators, but no literal. A double-quoted
# word of an unknown system is kept as a name even where its place then shows it to be a value.
_spellings: dict[str, str] = {}


def _remember(token: str, spelling: str) -> str:
    if len(token) <= _MAX_REMEMBERED_CHARACTERS:
        if len(_spellings) >= _MAX_REMEMBERED_WORDS:
            _spellings.clear()
        _spellings[token] = spelling
    return spelling


def _spell_name(token: str) -> str:
    name = token.rstrip("(").rstrip()
    called = len(name) < len(token)
    upper = name.upper()
    if upper in KEYWORDS:
        return f"{upper} (" if called else upper
    if upper in CONSTANTS or (called and upper in FUNCTIONS):
        name = upper
    return f"{name}(" if called else name


def _spell(token: str, values: list[str], scanner: Scanner) -> str:
    """Spell a token that is not remembered; the text of a literal goes to `values`."""
    if token[0] in "0123456789'" and token not in _HIDDEN_VALUES:
        values.append(token)
        return "?"
    if token.isspace():
        return ""
    match = scanner.fine.match(token)
    if match is None or match.end() < len(token):
        if token[0] == "-":
            values.append(token)
            return "?"
        parts = [_spell(part.group(), values, scanner) for part in scanner.fine.finditer(token)]
        return _remember(token, " ".join(parts))
    kind = match.lastgroup
    if kind == "name":
        return _remember(token, _spell_name(token))
    if kind == "placeholder" or token in _HIDDEN_VALUES:
        return _remember(token, "?")
    if kind == "operator":
        return _remember(token, token if token.isprintable() else "")
    if kind == "comment" or token.startswith(("/*", "`")):
        return ""
    values.append(token)
    return "?"


def _without_nested_comments(tokens: list[str]) -> list[str]:
    """
    Drop what stands between a comment and a stray end of a comment.

    PostgreSQL and SQL Server nest comments, the others do not: the tokens are those of comments that do not nest.
    """
    kept: list[str] = []
    last_comment = 0
    for part in tokens:
        if part == "*/":
            del kept[last_comment:]
        elif part.startswith("/*"):
            last_comment = len(kept)
        else:
            kept.append(part)
    return kept


def _careful(text: str, scanner: Scanner, strings: bool) -> tuple[list[str], list[str]]:
    """Spell every token with an eye on its neighbours: double quotes, tags of dollar quotes, nested comments."""
    tokens = _without_nested_comments([match.group() for match in scanner.fine.finditer(text)])
    parts: list[str] = []
    values: list[str] = []
    previous, depth, list_depth = "", 0, 0
    in_values = False
    for token in tokens:
        if _UNQUALIFIED_DOUBLE.fullmatch(token) and (
            previous in _VALUE_FOLLOWS or list_depth or in_values or (strings and previous not in _NAME_FOLLOWS)
        ):
            values.append(token)
            spelling = "?"
        else:
            spelling = _spellings.get(token) or _spell(token, values, scanner)
        if spelling.endswith("("):
            depth += 1
            list_depth = depth if spelling == "IN (" else list_depth
        elif spelling == ")":
            list_depth = 0 if list_depth == depth else list_depth
            depth -= 1
        in_values = (in_values or spelling.startswith("VALUES")) and spelling not in _ENDS_VALUES
        parts.append(spelling)
        previous = spelling or previous
    return parts, values


def _space(parts: list[str]) -> str:
    """Join spelled tokens with one way of spacing."""
    text = " ".join(parts).replace("( ", "(").replace(" )", ")").replace(" ,", ",")
    if "[" in text:
        text = text.replace(" [ ", "[").replace("[ ", "[").replace(" ]", "]")
    if "::" in text:
        text = text.replace(" :: ", "::")
    if ";" in text:
        text = text.replace(" ;", ";")
    if "  " in text:
        text = " ".join(text.split()).replace("( ", "(")
    return text.strip(" ;")


def _collapse(template: str) -> str:
    """Collapse lists of values, repeated rows and names that are made anew for every transaction."""
    if "(" in template:
        template = _VALUE_LIST.sub("(?)", template)
        if "), (" in template:
            template = _CUT_ROWS.sub("(?)", _REPEATED_LISTS.sub("(?)", template))
        if "), (" in template:
            template = _REPEATED_ROWS.sub(r"\1", template)
    if "[?" in template:
        template = _ARRAY_LIST.sub("[?]", template)
    if template.endswith(("?", ",")):
        template = _CUT_LIST.sub("(?", template)
    if template.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE", "DECLARE", "CLOSE", "FETCH")):
        template = _CURSOR.sub(r"\1 ?", _SAVEPOINT.sub(r"\1 ?", template))
    return template


def fingerprint(statement: str, system: str = "") -> Fingerprint:
    r"""
    Take the values out of a statement.

    Parameters
    ----------
    statement
        SQL, CQL, JPQL or anything of that shape, as a span carries it.
    system
        The database system, as in `db.system`. It settles two things that the text cannot: whether `\'` ends a
        literal, and whether double quotes hold a string or a name. Without it, a literal with `\'` in it counts as
        one without end, and a double-quoted word is a string where it is compared with or listed.

    Returns
    -------
    Fingerprint
        Template, hash of the values, and what is not known about them.
    """
    text = statement[:MAX_STATEMENT_CHARACTERS]
    scanner = scanner_of(system)
    strings = '"' in text and double_quoted_strings(dialect_of(system))
    tokens = scanner.fast.findall(text)
    if not tokens:
        return Fingerprint("", 0, sanitised=False, truncated=False)
    values: list[str] = []
    last = tokens[-1]
    cut = last in {"...", "…"}
    if _needs_care(text, tokens, strings):
        parts, values = _careful(text, scanner, strings)
    else:
        known = _spellings.get
        parts = [known(token) or _spell(token, values, scanner) for token in tokens]
    template = _space(parts[:-1] if cut else parts)
    if '"' in template and _DOUBLE_AS_VALUE.search(template):
        parts, values = _careful(text, scanner, strings)
        template = _space(parts[:-1] if cut else parts)
    truncated = (
        cut
        or len(statement) > MAX_STATEMENT_CHARACTERS
        or template.count("(") > template.count(")")
        or ((last[0] in "'\"`$/" or "'" in last) and _has_no_end(last, scanner))
    )
    sanitised = template.count("?") > len(values)
    return Fingerprint(_collapse(template), hash_of(values) if values else 0, sanitised, truncated)


def _needs_care(text: str, tokens: list[str], strings: bool) -> bool:
    """Say whether tokens have to be read with their neighbours: strings in double quotes, nested comments, tags."""
    if strings or ("$" in text and _DOLLAR_TAG.search(text) is not None):
        return True
    return "*/" in text and text.count("*/") > sum(token.startswith("/*") for token in tokens)


def _has_no_end(token: str, scanner: Scanner) -> bool:
    match = scanner.fine.match(token)
    return match is not None and match.lastgroup in {"unterminated", "without_end"}
