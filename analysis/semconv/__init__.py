"""Attribute names, old and new and of several vocabularies, to the columns of the schema.

One table says for each column which attributes feed it, best first: the name that the OpenTelemetry semantic
conventions use now, then names of other vocabularies (OpenTracing, Brave, Envoy, Micrometer), then names that the
conventions have replaced. A span whose column was fed by a replaced name has ``old_conventions`` set. Conventions
that were still moving when most instrumentations were written (`peer.service`, `rpc.system`) count as current under
both names.

Values are coerced to the column's type: a status code may be 200, "200" or 200.0; lists and maps become JSON text. A
value that does not fit is passed over for the next name, and noted.

Sources: OpenTelemetry semantic conventions 1.4 to 1.45 with their migration guides, the OpenTracing data conventions,
and the tags that Brave, Envoy and datasource-micrometer set.
"""

from __future__ import annotations

from analysis.semconv._columns import (
    KNOWN,
    RESOURCE_KEYS,
    exception_columns,
    resource_columns,
    span_columns,
    tracestate_weight,
)
from analysis.semconv._exposures import exposures
from analysis.semconv._names import KINDS, RESOURCE_NAMES, SPAN_NAMES, STATUSES, Names
from analysis.semconv._pools import COLUMNS, FIRST_NUMBER, Columns, Pool
from analysis.semconv._values import port, probability_weight, store_named, text, truth
from analysis.semconv._vectors import KEYS, Meanings, span_vectors

__all__ = [
    "COLUMNS",
    "FIRST_NUMBER",
    "KEYS",
    "KINDS",
    "KNOWN",
    "RESOURCE_KEYS",
    "RESOURCE_NAMES",
    "SPAN_NAMES",
    "STATUSES",
    "Columns",
    "Meanings",
    "Names",
    "Pool",
    "exception_columns",
    "exposures",
    "port",
    "probability_weight",
    "resource_columns",
    "span_columns",
    "span_vectors",
    "store_named",
    "text",
    "tracestate_weight",
    "truth",
]
