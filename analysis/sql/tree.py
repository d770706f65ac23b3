"""Tables from the syntax tree of a statement."""

from __future__ import annotations

import logging

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from analysis.sql.access import Mode, TableAccess, folded, holds_rows

# Each statement that the parser keeps as mere text is warned about; here it is scanned instead, and said to be.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_STATEMENTS = (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create)
_VERBS: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.Insert, "INSERT"),
    (exp.MultitableInserts, "INSERT"),
    (exp.Update, "UPDATE"),
    (exp.Delete, "DELETE"),
    (exp.Merge, "MERGE"),
    (exp.Query, "SELECT"),
)
_WITH_ROWS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW"})
# Dialects in which a table in FROM may be an array of the one before it.
_ARRAYS_AS_TABLES = frozenset({"bigquery", "databricks", "hive", "spark"})


# The parser meets texts that its authors never saw: what it raises then is a refusal too.
_REFUSALS = (SqlglotError, RecursionError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class NotParsedError(ValueError):
    """The statement has no syntax tree that tables can be read from."""


def parse(statement: str, dialect: str) -> exp.Expr:
    """
    Parse one statement.

    Raises
    ------
    NotParsedError
        When the dialect does not take the statement, or it nests too deep.
    """
    try:
        trees = [tree for tree in sqlglot.parse(statement, dialect=dialect or None) if tree is not None]
    except _REFUSALS as error:
        raise NotParsedError(type(error).__name__) from error
    if len(trees) != 1 or isinstance(trees[0], exp.Command):
        raise NotParsedError("not one statement of the dialect")
    return trees[0]


def verb_of(tree: exp.Expr) -> str:
    """Give the verb of the statement behind any WITH; `""` where its first word is the verb."""
    return next((verb for kind, verb in _VERBS if isinstance(tree, kind)), "")


def is_statement(tree: exp.Expr) -> bool:
    """Say whether a tree is a statement, not a bare expression such as a name that looks like a column."""
    return isinstance(tree, (*_STATEMENTS, exp.MultitableInserts, exp.Alter, exp.Drop, exp.Copy, exp.TruncateTable))


def calls_function(tree: exp.Expr) -> bool:
    """Say whether a statement calls a function that is not built in, and so may touch more than it names."""
    return tree.find(exp.Anonymous) is not None


def tree_tables(tree: exp.Expr, dialect: str) -> tuple[TableAccess, ...]:
    """
    Read the tables of a statement, and what it does with them, from its tree.

    Returns
    -------
    tuple of TableAccess
        Sorted, each once. Common table expressions, aliases, functions, temporary tables and tables of one row are
        left out.
    """
    tables = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    modes = _targets(tree, tables)
    aliases = {table.alias.lower() for table in tables if table.alias}
    if dialect in _ARRAYS_AS_TABLES:
        aliases |= {table.name.lower() for table in tables if not table.db}
    found: set[TableAccess] = set()
    for table in tables:
        mode = modes[id(table)] if id(table) in modes else _mode(table)
        path_of_alias = table.db.lower() in aliases and not table.catalog
        name = _name(table, dialect)
        if mode is not None and not path_of_alias and holds_rows(name) and _cte(table) is None:
            found.add(TableAccess(name, mode))
    return tuple(sorted(found))


def _name(table: exp.Table, dialect: str) -> str:
    if table.this.args.get("temporary"):
        return ""
    # SQL Server's `shop..orders` leaves the schema out: an empty text stands in its place.
    parts = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    return ".".join(folded(part.name, quoted=bool(part.args.get("quoted")), dialect=dialect) for part in parts)


def _mode(table: exp.Table) -> Mode | None:
    """Tell what a statement does with a table from where the table stands; None where it only refers to it."""
    parent, key = table.parent, table.arg_key
    if isinstance(parent, exp.Schema) and parent.this is table:
        key = parent.arg_key
        parent = parent.parent
    if isinstance(parent, (exp.Lock, exp.Reference)) or (isinstance(parent, exp.Copy) and key == "files"):
        return None
    if isinstance(parent, exp.Copy):
        return "write" if parent.args.get("kind") else "read"
    if isinstance(parent, exp.Drop) and str(parent.args.get("kind")).upper() not in _WITH_ROWS:
        return None
    if isinstance(parent, exp.Create) and str(parent.args.get("kind")).upper() not in _WITH_ROWS:
        return None
    written = (exp.Insert, exp.Merge, exp.Create, exp.Alter, exp.Drop, exp.TruncateTable)
    if isinstance(parent, written) and key in {"this", "tables", "expressions"}:
        return "write"
    if isinstance(parent, (exp.Into, exp.Index, exp.OnProperty)):
        return "write"
    return "read"


def _targets(tree: exp.Expr, tables: list[exp.Table]) -> dict[int, Mode | None]:
    """
    Find what UPDATE and DELETE write, by the identity of the table's node.

    A target may be named by its alias (`UPDATE o SET … FROM orders o`), be one of several joined tables (MySQL), or be
    a common table expression over the table that is written (SQL Server). A node that only repeats the name of
    another maps to None.
    """
    modes: dict[int, Mode | None] = {}
    for statement in tree.find_all(exp.Update, exp.Delete):
        main = statement.this
        if not isinstance(main, exp.Table):
            continue
        inside = [table for table in tables if table.find_ancestor(*_STATEMENTS) is statement]
        for target in _named_targets(statement, main):
            same = [table for table in inside if table is not target and _known_as(table) == target.name.lower()]
            if same and not target.alias and not target.db:
                modes[id(target)] = None
                modes[id(same[0])] = "write"
            elif target is main or target in inside:
                modes[id(target)] = "write"
        expression = _cte(main)
        below = expression.this.find(exp.Table) if expression is not None else None
        if below is not None:
            modes[id(below)] = "write"
    return modes


def _known_as(table: exp.Table) -> str:
    return table.alias_or_name.lower()


def _named_targets(statement: exp.Expr, main: exp.Table) -> list[exp.Table]:
    if isinstance(statement, exp.Delete):
        named = [table for table in statement.args.get("tables") or [] if isinstance(table.this, exp.Identifier)]
        return named or [main]
    joined = [join.this for join in main.args.get("joins") or [] if isinstance(join.this, exp.Table)]
    columns = [item.this for item in statement.expressions if isinstance(item, exp.EQ)]
    qualifiers = {column.table.lower() for column in columns if isinstance(column, exp.Column)}
    return (
        [table for table in (main, *joined) if _known_as(table) in qualifiers] if joined and any(qualifiers) else [main]
    )


def _cte(table: exp.Table) -> exp.CTE | None:
    """Find the common table expression that a name stands for; inside its own definition the name is a table's."""
    if table.db:
        return None
    node: exp.Expr = table
    inside: exp.Expr | None = None
    while (parent := node.parent) is not None:
        if isinstance(node, exp.CTE):
            inside = node
        clause = parent if isinstance(parent, exp.With) else parent.args.get("with_")
        if isinstance(clause, exp.With):
            for expression in clause.expressions:
                if expression is inside and not clause.args.get("recursive"):
                    break
                if expression.alias.lower() == table.name.lower():
                    return expression if isinstance(expression, exp.CTE) else None
        node = parent
    return None
