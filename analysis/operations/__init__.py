"""Operation templates: what a span does, without the values that tell one request from another."""

from analysis.operations.commands import key_prefix, lacks_key, redis_template
from analysis.operations.names import holds_identifier, message_destination_template, name_template
from analysis.operations.paths import http_host, http_parameters, http_path_template, is_raw_path
from analysis.operations.template import Category, Operation, category_of, operation_template

__all__ = [
    "Category",
    "Operation",
    "category_of",
    "holds_identifier",
    "http_host",
    "http_parameters",
    "http_path_template",
    "is_raw_path",
    "key_prefix",
    "lacks_key",
    "message_destination_template",
    "name_template",
    "operation_template",
    "redis_template",
]
