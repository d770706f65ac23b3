"""
The tokens of SQL as one regular expression for each reading of quotes.

Every branch is linear: repetitions are possessive, and what has no end is one token that reaches to the end of the
text. So a hostile statement costs no more than an honest one of its length.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from analysis.sql.words import backslash_escapes, dialect_of

WORD = r"[^\W\d][\w$#]*+"
_NAME_PART = rf'(?:{WORD}|`[^`]*+`|"{WORD}"(?!")|\[[^\W\d][\w $#-]*+\])'
_NAME = rf"#{{0,2}}{_NAME_PART}(?>(?:\.{{1,2}}{_NAME_PART})*)(?>(?:\.\*|@{WORD})?)(?>(?:\s*+\()?)"
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?!\w)"
_UNSIGNED = r"\.?\d[\w.]*+(?:(?<=[eE])[-+]\d++)?"
# After an operator or an opening parenthesis a minus is a sign, elsewhere it subtracts.
_SIGNED = rf"-(?:(?<=[=(,<>]-)|(?<=[=(,<>] -)){_UNSIGNED}"
_PLACEHOLDER = (
    r"\?\d*+|\$\d++(?!\w)|\$[^\W\d]\w*+(?!\$)|[#$]\{[^{}]*+\}|\{\{[^{}]*+\}\}|\{\s*+\w*+\s*+(?::\s*+\w++\s*+)?\}"
    r"|(?<![:\w\]]):(?:[^\W\d]\w*+|\d++)|@{1,2}[\w.$]++|%\(\w*+\)[a-z]|%(?:\d++\$)?[sdifbtu](?!\w)|\.{3}|…"
)
_ORACLE_CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"} | {mark: mark for mark in '!|~#"^/*+-_.,:;&%$@'}
_ORACLE_QUOTED = "|".join(f"[qQ]'{re.escape(mark)}(?s:.)*?{re.escape(end)}'" for mark, end in _ORACLE_CLOSING.items())
_COMMENT = r"--[^\n]*+|/\*(?s:.)*?\*/"
_OPERATOR = r"<=>|<=|>=|<>|!=|:=|::|\|\||->>?|#>>?|\*/"
_DOLLAR_QUOTED = r"\$\$(?s:.)*?\$\$"
_DOLLAR_TAGGED = r"\$(?P<tag>[^\W\d]\w*+)\$(?s:.)*?\$(?P=tag)\$"
_PREFIXED_WITHOUT_END = r"(?:[eEnNxXbBrR]|[uU]&|[nN]?[qQ])'(?>(?s:.)*)"
_WITHOUT_END = r"""['"`](?>(?s:.)*)|\$(?:[^\W\d]\w*+)?\$(?>(?s:.)*)|/\*(?>(?s:.)*)"""

_PLAIN = {quote: rf"{quote}[^{quote}]*+(?>(?:{quote}{quote}[^{quote}]*+)*){quote}" for quote in "'\""}
_ESCAPED = {
    quote: rf"{quote}[^{quote}\\]*+(?>(?:(?:{quote}{quote}|\\(?s:.))[^{quote}\\]*+)*){quote}" for quote in "'\""
}
# A backslash before a quote ends the literal in some systems and not in others: where the system is unknown such a
# literal has no end that could be trusted, not even the last quote, which may open a literal that was cut.
_AMBIGUOUS = {
    quote: rf"""{quote}[^{quote}\\]*+(?>(?:(?:{quote}{quote}|\\(?s:[^'"]))[^{quote}\\]*+)*){quote}""" for quote in "'\""
}
# Words, plainly quoted names and the punctuation around them, at most 24 words at once: statements differ in their
# values and share such stretches, so a stretch is spelled once and remembered. A word that may belong to what follows
# it (a prefix of a literal, a part of a longer name) is left to the finer tokens.
_PLAIN_WORD = (
    r"""(?:[A-Za-z_][A-Za-z_0-9$]*+(?>(?:\.[A-Za-z_][A-Za-z_0-9$]*+)*)"""
    r"""|"[A-Za-z_]\w*+"(?>(?:\."[A-Za-z_]\w*+")*)|(?>(?:`\w++`\.)*)`\w++`)"""
)
_STRETCH_WORD = rf"""{_PLAIN_WORD}(?!['"`\[@#&.\-\x80-\U0010ffff])[\s,()=<>*;]*+"""
_STRETCH = rf"[\s,()=<>]++(?>(?:{_STRETCH_WORD}){{0,24}})|(?>(?:{_STRETCH_WORD}){{1,24}})"


class Scanner(NamedTuple):
    """
    The tokens of one reading of quotes.

    Parameters
    ----------
    fast
        Finds stretches and tokens; it has no groups, so that `findall` gives the text itself. It does not know
        dollar quotes with a tag.
    fine
        Finds tokens, each in the group of its kind: literal, unterminated, name, number, comment, placeholder,
        double (a quoted text that is not plainly a name), operator.
    """

    fast: re.Pattern[str]
    fine: re.Pattern[str]


@cache
def _scanner(escapes: bool | None, *, hash_comments: bool, triple_quotes: bool) -> Scanner:
    quoted = {True: _ESCAPED, False: _PLAIN, None: _AMBIGUOUS}[escapes]
    single, double = (f"(?:{quoted[quote]})" for quote in ("'", '"'))
    escaped, plain = _ESCAPED["'"], _PLAIN["'"]
    triple = [r"[rRbB]{0,2}'''(?s:.)*?'''", r'[rRbB]{0,2}"""(?s:.)*?"""'] if triple_quotes else []
    prefixed = [f"[eE]{escaped}", f"[uU]&{plain}", f"[nNxXbBrR]{single}", f"(?:[rR][bB]|[bB][rR]){single}"]
    literals = [*triple, single, *prefixed, _ORACLE_QUOTED, f"_[a-zA-Z]{WORD}{single}", _UUID, _DOLLAR_QUOTED]
    comment = rf"{_COMMENT}|#(?!\{{)[^\n]*+" if hash_comments else rf"{_COMMENT}|#(?=\s)[^\n]*+"
    kinds = [
        ("literal", "|".join(literals)),
        ("unterminated", _PREFIXED_WITHOUT_END),
        ("comment", comment),
        ("name", _NAME),
        ("number", f"{_UNSIGNED}|{_SIGNED}"),
        ("placeholder", _PLACEHOLDER),
        ("double", double),
        ("without_end", _WITHOUT_END),
        ("operator", rf"{_OPERATOR}|\S"),
    ]
    grouped = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds)
    return Scanner(
        fast=re.compile("|".join([_STRETCH, *(pattern for _, pattern in kinds)])),
        fine=re.compile(f"(?P<tagged>{_DOLLAR_TAGGED})|{grouped}"),
    )


@lru_cache(maxsize=256)
def scanner_of(system: str) -> Scanner:
    """Give the scanner for the statements of a system; unknown systems get the reading that hides most."""
    dialect = dialect_of(system)
    return _scanner(
        backslash_escapes(dialect),
        hash_comments=dialect == "mysql",
        triple_quotes=dialect in {"bigquery", "databricks", "spark"},
    )
