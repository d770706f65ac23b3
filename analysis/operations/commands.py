"""Commands of caches and document stores without keys' identifiers and without values."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from analysis.operations.identifiers import PLACEHOLDER, replace_identifiers
from analysis.sql import hash_of

MAX_COMMAND_CHARACTERS = 16_384
_MAX_COMMANDS = 16
_MAX_KEYS = 3

_KEYLESS_TEXT = (
    "AUTH CLIENT CLUSTER COMMAND CONFIG DBSIZE DISCARD ECHO EXEC FLUSHALL FLUSHDB HELLO INFO KEYS MULTI PING QUIT "
    "READONLY RESET SCAN SCRIPT SELECT SLOWLOG TIME UNWATCH WAIT"
)
# A line of a pipeline begins with one of these; any other line is part of a value.
_KEYED_TEXT = (
    "APPEND BLPOP BRPOP DECR DECRBY DEL EVAL EVALSHA EXISTS EXPIRE EXPIREAT FCALL GEOADD GEOSEARCH GET GETDEL GETEX "
    "GETSET HDEL HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HMSET HSCAN HSET HSETNX HVALS INCR INCRBY LINDEX LLEN "
    "LPOP LPUSH LRANGE LREM LSET LTRIM MGET MSET PEXPIRE PFADD PFCOUNT PSETEX PTTL PUBLISH RPOP RPUSH SADD SCARD SET "
    "SETEX SETNX SISMEMBER SMEMBERS SPOP SREM SSCAN STRLEN SUBSCRIBE TTL TYPE UNLINK WATCH XACK XADD XLEN XRANGE XREAD "
    "XREADGROUP ZADD ZCARD ZCOUNT ZINCRBY ZRANGE ZRANGEBYSCORE ZRANK ZREM ZREVRANGE ZSCORE"
)
_WITHOUT_KEY = frozenset(_KEYLESS_TEXT.split())
_PIPELINED = _WITHOUT_KEY | frozenset(_KEYED_TEXT.split())
_MANY_KEYS = frozenset({"DEL", "EXISTS", "MGET", "SDIFF", "SINTER", "SUNION", "TOUCH", "UNLINK", "WATCH"})
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "FCALL", "FCALL_RO"})
_COMMAND = re.compile(r"[A-Za-z][A-Za-z._]*")
_ARGUMENT = re.compile(r'"(?>(?:[^"\\]|\\.)*)"?|\'(?>(?:[^\'\\]|\\.)*)\'?|\S+')
_DIGITS = re.compile(r"\d{3,}")
_DELIMITERS = ":/.|"
_SESSION_FIELDS = frozenset({"$clusterTime", "$db", "$readPreference", "lsid", "txnNumber"})
_MONGO_COMMAND = re.compile(r'^\s*\{\s*["\']?(\w+)["\']?\s*:\s*["\']([^"\']*)["\']')
_MONGO_COLLECTION = re.compile(r'["\']collection["\']\s*:\s*["\']([^"\']*)["\']')
_MONGO_SHELL = re.compile(r"^(?:db\.)?([\w.$-]+)\.(\w+)\s*\(|^(\w+) ([\w.$-]+)")


def key_template(key: str) -> str:
    """Replace identifiers in a cache key: `cart:1234:items` → `cart:{id}:items`."""
    text = key.strip("\"'")
    if set(text) <= set("?*"):
        return text
    template, _ = replace_identifiers(text.replace("{", "").replace("}", ""))
    return "".join(
        part if part == PLACEHOLDER else _DIGITS.sub(PLACEHOLDER, part) for part in re.split(r"(\{id\})", template)
    )


def key_prefix(key: str) -> str:
    """
    Give the part of a cache key (or of its template) that says whose it is.

    That is what stands before the first part that holds an identifier: `app:session` of `app:session:77`, `product` of
    `product:BED-009`; of a key without identifier all but its last part: `config:global` of `config:global:flags`.
    """
    template = key_template(key) if PLACEHOLDER not in key else key
    before, placeholder, _ = template.partition(PLACEHOLDER)
    if placeholder:
        cut = max(before.rfind(mark) for mark in _DELIMITERS)
        return before[: cut if cut > 0 else None].rstrip(_DELIMITERS + "-_")
    cut = max(template.rfind(mark) for mark in _DELIMITERS)
    return template[:cut] if cut > 0 else template


def redis_template(statement: str, operation: str = "") -> str:
    """
    Reduce a command of a cache to its name and the pattern of its keys.

    Parameters
    ----------
    statement
        The command as the span carries it, or several on lines of their own or parted by `;`;
        arguments may be quoted or `?`.
    operation
        The command's name, used where the statement is empty.

    Returns
    -------
    str
        `GET cart:{id}:items`; `SET session:{id}` (no value); `EVALSHA {script}`. Commands of a pipeline are joined by
        `; `, each once, in their order.
    """
    commands = list(dict.fromkeys(_commands(statement[:MAX_COMMAND_CHARACTERS])))
    shown = "; ".join(commands[:_MAX_COMMANDS])
    return shown or operation.upper()


def _commands(statement: str) -> Iterator[str]:
    for index, line in enumerate(re.split(r"[\n;]", statement)):
        arguments = _ARGUMENT.findall(line)
        if not arguments:
            continue
        first = arguments[0].strip("\"'[],")
        if not _COMMAND.fullmatch(first):
            continue
        command = first.upper()
        if index and command not in _PIPELINED:
            continue
        if command in _SCRIPTS:
            yield f"{command} {{script}}"
        elif command in _WITHOUT_KEY or len(arguments) == 1:
            yield command
        else:
            yield f"{command} {' '.join(_keys(command, arguments[1:]))}".strip()


def lacks_key(statement: str) -> bool:
    """Tell whether a command of a cache that asks for a key stands alone: the instrumentation left the key out."""
    command = statement.strip().upper()
    return command in _PIPELINED and command not in _WITHOUT_KEY


def _keys(command: str, arguments: list[str]) -> list[str]:
    if command in {"XREAD", "XREADGROUP"}:
        upper = [argument.upper() for argument in arguments]
        arguments = arguments[upper.index("STREAMS") + 1 :] if "STREAMS" in upper else []
    keys = arguments if command in _MANY_KEYS else arguments[:1]
    patterns = sorted({key_template(key) for key in keys})
    return [*patterns[:_MAX_KEYS], *(["…"] if len(patterns) > _MAX_KEYS else [])]


def document_template(statement: str, operation: str, collection: str) -> str:
    """
    Reduce a command of a document store to `operation collection`.

    The columns win over the statement, which may be the command as JSON (`{"find": "orders", …}`) or as the shell
    writes it (`db.orders.find(…)`, `find orders`).
    """
    text = statement[:MAX_COMMAND_CHARACTERS]
    found = ("", "")
    if match := _MONGO_COMMAND.match(text):
        found = (match.group(1), match.group(2))
    elif text.lstrip().startswith("{"):
        within = _MONGO_COLLECTION.search(text)
        found = ("", within.group(1) if within else "")
    elif match := _MONGO_SHELL.match(text):
        found = (match.group(2), match.group(1)) if match.group(1) else (match.group(3), match.group(4))
    verb = operation or found[0]
    name, _ = replace_identifiers(collection or found[1])
    return f"{verb} {name}".strip()


def document_parameters(statement: str) -> int:
    """
    Hash the values of a command written as JSON.

    Returns
    -------
    int
        Unsigned 64 bits; 0 when the text is no JSON, or hides values behind `?`.
    """
    try:
        command = msgspec.json.decode(statement[:MAX_COMMAND_CHARACTERS])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return 0
    if not isinstance(command, dict):
        return 0
    values = msgspec.json.encode(
        {key: value for key, value in command.items() if key not in _SESSION_FIELDS}, order="deterministic"
    )
    return 0 if b'"?"' in values else hash_of([values.decode()])
