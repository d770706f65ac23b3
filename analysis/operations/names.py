"""Names of spans, topics and queues without identifiers."""

from __future__ import annotations

import re
from functools import lru_cache

from analysis.operations.identifiers import replace_identifiers
from analysis.operations.paths import http_path_template, is_raw_path
from analysis.sql import fingerprint

TEMPORARY = "{temporary}"
MAX_NAME_CHARACTERS = 1_024
_MAX_REMEMBERED_CHARACTERS = 128

_TEMPORARY = re.compile(
    r"^(?:amq\.gen-|amq\.rabbitmq\.reply-to|amqp\.gen-|_INBOX\.|(?:temp-(?:queue|topic)://)|ActiveMQ\.(?:Temp|DLQ\.Temp)"
    r"|ID:|TempQueue|TemporaryQueue|spring\.gen-|tmp[-_.]queue)|^\(?(?:temporary|anonymous)\)?$",
    re.IGNORECASE,
)
_REPLY = re.compile(r"(?:^|[-_.:/])(?:reply|replies|response|callback)(?:[-_.:/]?to)?(?:[-_.:/]|$)", re.IGNORECASE)
_QUEUE_URL = re.compile(r"^https?://[^/]+/(?:\d+/)?([^/?#]+)")
_AMAZON_NAME = re.compile(r"^arn:[^:]*:[^:]*:[^:]*:[^:]*:(.+)$")
_STATEMENT = re.compile(
    r"^(?:SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|REPLACE|CREATE|DROP|ALTER)\s+(?!/|\w+://)\S+\s+\S", re.IGNORECASE
)


def message_destination_template(name: str) -> str:
    """
    Replace what varies in the name of a topic or queue.

    Queues that live as long as a connection (`amq.gen-…`, reply queues with an identifier) become `{temporary}`; URLs
    and ARNs of queues are cut to the queue's name; identifiers become `{id}`.
    """
    text = name.strip()[:MAX_NAME_CHARACTERS]
    for pattern in (_QUEUE_URL, _AMAZON_NAME):
        if match := pattern.match(text):
            text = match.group(1)
    if _TEMPORARY.search(text):
        return TEMPORARY
    template, values = replace_identifiers(text)
    return TEMPORARY if values and _REPLY.search(text) else template


def _replaced(name: str) -> tuple[str, bool]:
    """Give a name without identifiers, and whether it had any; short ones, which come again and again, are kept."""
    return _remembered_name(name) if len(name) <= _MAX_REMEMBERED_CHARACTERS else _judged_name(name)


def _judged_name(name: str) -> tuple[str, bool]:
    text = name[:MAX_NAME_CHARACTERS]
    if _STATEMENT.match(text):
        found = fingerprint(text)
        return found.template, found.parameters != 0
    words = []
    replaced = False
    for word in text.split():
        if word.startswith("/") or "://" in word:
            template = http_path_template(word)
            values: tuple[str, ...] = (word,) if is_raw_path(word) else ()
        else:
            template, values = replace_identifiers(word)
        words.append(template)
        replaced = replaced or bool(values)
    return " ".join(words), replaced


_remembered_name = lru_cache(maxsize=16_384)(_judged_name)


def name_template(name: str) -> str:
    """Replace identifiers in any span name: values of paths and statements, numbers, UUIDs, tokens."""
    return _replaced(name)[0]


def holds_identifier(name: str) -> bool:
    """Say whether a span name holds a value that makes names many: `user-77` does, `user-{id}` and `v2` do not."""
    return _replaced(name)[1]
