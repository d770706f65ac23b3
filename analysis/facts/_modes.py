"""Whether a named operation of a store reads or writes: for stores without SQL, and statements that are not there."""

from __future__ import annotations

from typing import Final

__all__ = ["mode_of"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_READS: Final = _words(
    "select get mget find findone read query scan exists count aggregate distinct search msearch hget hgetall "
    "hmget lrange smembers sismember scard llen keys ttl strlen zrange zrangebyscore zscore zcard hexists "
    "hlen hkeys hvals getitem batchgetitem getobject headobject listobjects listobjectsv2 readobject describe show "
    "getblob headblob listblobs headitem listitems download getproperties getentity headentity listentities "
    "explain fetch list head isearch getmore type dbsize xread xrange xlen"
)
_WRITES: Final = _words(
    "insert update delete upsert merge replace truncate create drop alter set mset setex setnx del unlink "
    "incr incrby decr decrby hset hmset hdel hincrby lpush rpush lpop rpop lrem ltrim sadd srem zadd zrem "
    "zincrby expire pexpire persist append getset flushdb flushall putitem updateitem deleteitem "
    "batchwriteitem putobject deleteobject deleteobjects copyobject index bulk write put save insertone "
    "insertmany updateone updatemany deleteone deletemany findandmodify findoneandupdate bulkwrite copy load "
    "xadd xack xdel putblob deleteblob deleteitem putentity deleteentity upload writeobject "
    "bidiwriteobject composeobject rewriteobject startresumablewrite uploadpart completemultipartupload"
)


def mode_of(operation: str) -> str:
    """Return ``read``, ``write`` or ``unknown`` for the name of an operation; only its first word counts, in any case.

    Lists of commands: Redis, MongoDB, Elasticsearch, DynamoDB, S3 and SQL, as their documentation names them,
    and what :mod:`analysis.ingest.clouds` calls requests.
    """
    words = operation.replace("_", " ").replace(".", " ").split()
    if not words:
        return "unknown"
    for word in (operation.strip().replace("_", "").lower(), words[0].lower()):
        if word in _READS:
            return "read"
        if word in _WRITES:
            return "write"
    return "unknown"
