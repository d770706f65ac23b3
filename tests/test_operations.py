from __future__ import annotations

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.operations import (
    Operation,
    holds_identifier,
    http_host,
    http_parameters,
    http_path_template,
    is_raw_path,
    key_prefix,
    message_destination_template,
    name_template,
    operation_template,
    redis_template,
)

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
UUID = "123e4567-e89b-12d3-a456-426614174000"


def hashed(text: str) -> int:
    # blake2b, 8 bytes, big-endian; values are joined by NUL.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/users/1343-turtles", "/v1/users/{id}"),
        ("/endpoint1/v2/users", "/endpoint1/v2/users"),
        ("/api/v1.2/users/7", "/api/v1.2/users/{id}"),
        ("/users/7/", "/users/{id}/"),
        ("/users//7", "/users/{id}"),
        (f"/users/{UUID}/cart", "/users/{id}/cart"),
        (f"/users/{UUID.upper()}", "/users/{id}"),
        (f"/users/{UUID.replace('-', '')}", "/users/{id}"),
        (f"/orders/{ULID}", "/orders/{id}"),
        (f"/orders/{ULID.lower()}", "/orders/{id}"),
        ("/users/ann@example.org", "/users/{id}"),
        ("/users/ann%40example.org/x", "/users/{id}/x"),
        ("/files/3f2a9c1d", "/files/{id}"),
        ("/files/3f2a9c", "/files/3f2a9c"),
        ("/files/facade", "/files/facade"),
        ("/blobs/aGVsbG8gd29ybGQ=", "/blobs/{id}"),
        ("/tokens/dGhpc2lzYXRva2Vu", "/tokens/{id}"),
        ("/customers/cus_9s6XKzkNRiz8i3", "/customers/{id}"),
        ("/jwt/eyJhbGciOiJub25l.eyJzdWIiOiJhIn0.", "/jwt/{id}"),
        ("/rpc/getUserAccountDetailsV2", "/rpc/getUserAccountDetailsV2"),
        ("/reports/2024-01-31", "/reports/{id}"),
        ("/users/user_12345", "/users/{id}"),
        ("/steps/step_1", "/steps/step_1"),
        ("/search/blue%20shoes", "/search/{id}"),
        ("/a%2Db/c", "/a-b/c"),
        ("/static/app.3f2a9c1d.js", "/static/{id}"),
        ("/static/index-BKx3r9Za.js", "/static/{id}"),
        ("/static/bootstrap.min.css", "/static/bootstrap.min.css"),
        ("/cars;color=red;year=2012/doors", "/cars;color;year/doors"),
        ("/shop;jsessionid=A1B2C3", "/shop"),
        ("/x?b=1&a=2", "/x?a&b"),
        ("/x?a=1&a=2&", "/x?a"),
        ("/x?", "/x"),
        ("/x?ids[0]=1&ids[1]=2", "/x?ids[]"),
        ("/x?12345", "/x?{id}"),
        (f"/x?{UUID}=1", "/x?{id}"),
        ("/x?token=secret#part", "/x?token"),
        ("https://ann:pw@shop.example:8443/users/7?x=1#f", "/users/{id}?x"),
        ("http://shop.example", "/"),
        ("http://shop.example?x=1", "/?x"),
        ("/users/{id}/carts/:cart/<int:line>/*", "/users/{id}/carts/:cart/<int:line>/*"),
        ("/owners/{owner2}/pets", "/owners/{owner2}/pets"),
        ("users/7", "users/{id}"),
        ("*", "*"),
        ("", "/"),
        ("/", "/"),
    ],
)
def test_a_path_keeps_its_words_and_loses_its_values(path, template):
    assert http_path_template(path) == template
    assert http_path_template(template) == template


def test_path_parameters_are_a_hash_of_what_was_replaced():
    assert http_parameters("/users/7/carts/9?b=2&a=1") == hashed("7\x009\x00?\x00a=1\x00b=2")
    assert http_parameters("/users/7/carts/9?a=1&b=2") == http_parameters("/users/7/carts/9?b=2&a=1")
    assert http_parameters("/users/7") != http_parameters("/users/8")
    assert http_parameters("/users/7?x=1") != http_parameters("/users/7?x=2")
    assert http_parameters("/users") == 0
    assert http_parameters("/users/{id}") == 0


def test_a_host_has_neither_user_nor_path():
    assert http_host("https://ann:pw@Shop.example:8443/users/7") == "shop.example:8443"
    assert http_host("http://shop.example") == "shop.example"
    assert http_host("/users/7") == ""


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("/owners/8/pets/10", True),
        ("GET /owners/8", True),
        ("get /owners/8", True),
        ("HTTP GET /owners/8", True),
        ("/search?q=x", True),
        ("http://shop.example/cart", True),
        ("GET https://shop.example/cart", True),
        ("/owners/{id}", False),
        ("GET /owners/:id", False),
        ("/health", False),
        ("GET /health", False),
        ("/api/v1/[id]", False),
        ("^users/(?P<pk>[0-9]+)/$", False),
        ("/users/(\\d+)", False),
        ("/api/v1/{path:path} http send", False),
        ("OrderRepository.findById", False),
        ("SELECT ts.orders", False),
        ("GET", False),
        ("", False),
    ],
)
def test_raw_paths_are_told_from_templates(text, raw):
    assert is_raw_path(text) is raw


@pytest.mark.parametrize(
    ("statement", "operation", "template"),
    [
        ("GET cart:1234:items", "", "GET cart:{id}:items"),
        ("get cart:1234", "", "GET cart:{id}"),
        ('SET session:9f8e7d6c5b4a3210 {"user":"ann"}', "", "SET session:{id}"),
        ("SET greeting hello world", "", "SET greeting"),
        ('SET "user:7" "a value"', "", "SET user:{id}"),
        ("HMSET user1000 name 'Ann'", "", "HMSET user{id}"),
        ("HGETALL {user1000}.following", "", "HGETALL user{id}.following"),
        ("MGET a:1 a:2 b:3", "", "MGET a:{id} b:{id}"),
        ("DEL a:1 b:1 c:1 d:1", "", "DEL a:{id} b:{id} c:{id} …"),
        ("MSET a:1 secret b:2 other", "", "MSET a:{id}"),
        ("EVALSHA 6b1bf486c81ceb7edf3c093f4c48582e38c0e791 1 k:1", "", "EVALSHA {script}"),
        ("AUTH ann hunter2", "", "AUTH"),
        ("PING", "", "PING"),
        ("GET ?", "", "GET ?"),
        ("SET ? ?", "", "SET ?"),
        ("SET a:1 x\nGET b", "", "SET a:{id}; GET b"),
        ("GET a:1; GET a:2", "", "GET a:{id}"),
        ("SET note line one\nsecond line", "", "SET note"),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS orders:7 >", "", "XREADGROUP orders:{id}"),
        ("", "get", "GET"),
        ("", "", ""),
    ],
)
def test_a_cache_command_keeps_its_name_and_the_pattern_of_its_key(statement, operation, template):
    assert redis_template(statement, operation) == template


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("cart:1234:items", "cart"),
        ("cart:{id}:items", "cart"),
        ("app:session:77", "app:session"),
        ("product:BED-009", "product"),
        ("user-1000:cart", "user"),
        ("app:session:count", "app:session"),
        ("config:global:flags", "config:global"),
        ("user1000", "user"),
        (f"orders/{UUID}", "orders"),
        ("flags", "flags"),
        ("1234", ""),
    ],
)
def test_the_prefix_of_a_key_says_whose_it_is(key, prefix):
    assert key_prefix(key) == prefix


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("orders", "orders"),
        ("orders-v1", "orders-v1"),
        ("iot-events360", "iot-events360"),
        ("orders.1234.events", "orders.{id}.events"),
        (f"jobs-{UUID}", "jobs-{id}"),
        ("amq.gen-JzTY20BRgKO-HjmUJj0wLg", "{temporary}"),
        ("amq.rabbitmq.reply-to.g1h2AA5yZXBseUAyNzQ", "{temporary}"),
        ("_INBOX.aXz9.1", "{temporary}"),
        (f"reply-{UUID}", "{temporary}"),
        ("temp-queue://ID:host-1", "{temporary}"),
        ("(anonymous)", "{temporary}"),
        ("orders-reply", "orders-reply"),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo", "orders.fifo"),
        ("arn:aws:sns:eu-west-1:123456789012:order-events", "order-events"),
        ("projects/shop/topics/orders", "projects/shop/topics/orders"),
        ("", ""),
    ],
)
def test_a_destination_loses_what_varies(name, template):
    assert message_destination_template(name) == template


@pytest.mark.parametrize(
    ("name", "template", "holds"),
    [
        ("GET /owners/8/pets/10", "GET /owners/{id}/pets/{id}", True),
        ("GET /owners/{ownerId}", "GET /owners/{ownerId}", False),
        ("GET /search?q=shoes", "GET /search?q", True),
        ("user-77", "user-{id}", True),
        (f"process {UUID}", "process {id}", True),
        ("send mail to ann@example.org", "send mail to {id}", True),
        ("Thread-12", "Thread-{id}", True),
        ("OrderRepository.findById", "OrderRepository.findById", False),
        ("v2", "v2", False),
        ("shop.v1.Cart/AddItem", "shop.v1.Cart/AddItem", False),
        ("SELECT ts.orders", "SELECT ts.orders", False),
        ("DELETE /carts/{id} http send", "DELETE /carts/{id} http send", False),
        ("DELETE /carts/7 http send", "DELETE /carts/{id} http send", True),
        ("get /users/user_uuid%3a_uuid_", "get /users/user_uuid:_uuid_", False),
        ("SELECT a FROM t WHERE b = 'secret'", "SELECT a FROM t WHERE b = ?", True),
        ("select a from t where b = ?", "SELECT a FROM t WHERE b = ?", False),
        ("GET /api/v1/{path:path} http send", "GET /api/v1/{path:path} http send", False),
        ("get /users/user_uuid:_uuid_", "get /users/user_uuid:_uuid_", False),
        ("", "", False),
    ],
)
def test_a_name_loses_its_identifiers(name, template, holds):
    assert name_template(name) == template
    assert holds_identifier(name) is holds


def test_a_server_prefers_its_route():
    found = operation_template(kind="server", http_method="get", http_route="/users/{name}", url_path="/users/ann")
    assert found == Operation("GET /users/{name}", hashed("/users/ann\x00?"), "http")


def test_a_route_that_is_a_raw_path_is_templated():
    found = operation_template(kind="server", http_method="GET", http_route="/users/7", url_path="/users/7")
    assert found.template == "GET /users/{id}"


def test_a_client_s_path_is_templated():
    found = operation_template(kind="client", name="GET", http_method="GET", url_path="/users/7?full=true")
    assert found == Operation("GET /users/{id}?full", hashed("/users/7\x00?\x00full=true"), "http")


def test_the_same_path_without_values_is_known_to_be_the_same():
    first, second = (operation_template(kind="client", http_method="GET", url_path="/config") for _ in range(2))
    assert first == second
    assert first.parameters != 0


def test_a_body_is_not_known():
    assert operation_template(kind="client", http_method="POST", url_path="/orders").parameters == 0
    assert operation_template(kind="client", http_method="POST", url_path="/orders/7/lines").parameters != 0


def test_a_path_that_is_a_template_does_not_tell_the_values():
    assert operation_template(kind="client", http_method="GET", url_path="/users/{id}").parameters == 0


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"kind": "client", "name": "HTTP GET", "http_method": "GET"}, ("GET", "http")),
        ({"kind": "server", "name": "GET /users/7", "http_method": "GET"}, ("GET /users/{id}", "http")),
        ({"kind": "server", "http_method": "_OTHER", "http_route": "/x"}, ("/x", "http")),
        ({"kind": "internal", "name": "middleware - query", "http_route": "/"}, ("middleware - query", "internal")),
        ({"kind": "server", "name": "/health", "url_path": "/health"}, ("/health", "http")),
        (
            {"kind": "client", "rpc_system": "grpc", "rpc_service": "orders.OrderService", "rpc_method": "Get"},
            ("orders.OrderService/Get", "rpc"),
        ),
        (
            {"kind": "client", "rpc_system": "grpc", "rpc_method": "/orders.OrderService/Get"},
            ("orders.OrderService/Get", "rpc"),
        ),
        (
            {"kind": "server", "rpc_system": "grpc", "name": "orders.OrderService/Get"},
            ("orders.OrderService/Get", "rpc"),
        ),
        (
            {"kind": "client", "rpc_system": "grpc", "rpc_service": "a.B", "rpc_method": "C", "http_method": "POST"},
            ("a.B/C", "rpc"),
        ),
        (
            {"kind": "client", "db_system": "postgresql", "db_statement": "select a from t where b=1"},
            ("SELECT a FROM t WHERE b = ?", "database"),
        ),
        (
            {"kind": "client", "db_system": "mysql", "db_operation": "SELECT", "db_collection": "orders"},
            ("SELECT orders", "database"),
        ),
        ({"kind": "client", "db_system": "mysql", "name": "SELECT ts.orders"}, ("SELECT ts.orders", "database")),
        (
            {"kind": "client", "db_system": "mysql", "db_statement": "{call pay(5, 'x')}"},
            ("{ CALL pay(?, ?) }", "database"),
        ),
        ({"kind": "client", "db_system": "redis", "db_statement": "GET cart:7"}, ("GET cart:{id}", "cache")),
        ({"kind": "client", "db_system": "memcached", "db_statement": "get user:7"}, ("GET user:{id}", "cache")),
        ({"kind": "client", "db_system": "redis", "name": "HGET"}, ("HGET", "cache")),
        (
            {"kind": "client", "db_system": "mongodb", "db_operation": "find", "db_collection": "users"},
            ("find users", "database"),
        ),
        (
            {"kind": "client", "db_system": "mongodb", "db_statement": '{"find": "users", "filter": {"name": "ann"}}'},
            ("find users", "database"),
        ),
        (
            {"kind": "client", "db_system": "mongodb", "db_statement": "db.users.find({name: 'ann'})"},
            ("find users", "database"),
        ),
        (
            {
                "kind": "client",
                "db_system": "elasticsearch",
                "http_method": "POST",
                "url_path": "/logs-2024.01.31/_search?q=ann",
            },
            ("POST /logs-{id}/_search", "database"),
        ),
        (
            {
                "kind": "client",
                "db_system": "dynamodb",
                "rpc_system": "aws-api",
                "db_operation": "GetItem",
                "db_collection": "orders",
            },
            ("GetItem orders", "database"),
        ),
        (
            {
                "kind": "producer",
                "messaging_system": "kafka",
                "messaging_destination": "orders",
                "messaging_operation": "send",
            },
            ("publish orders", "messaging"),
        ),
        (
            {"kind": "producer", "messaging_system": "kafka", "messaging_destination": "orders"},
            ("publish orders", "messaging"),
        ),
        (
            {
                "kind": "consumer",
                "messaging_system": "rabbitmq",
                "messaging_destination": "orders",
                "messaging_operation": "deliver",
            },
            ("process orders", "messaging"),
        ),
        (
            {
                "kind": "consumer",
                "messaging_system": "kafka",
                "messaging_destination": "orders",
                "messaging_operation": "poll",
            },
            ("receive orders", "messaging"),
        ),
        ({"kind": "consumer", "name": "orders receive"}, ("orders receive", "messaging")),
        ({"kind": "internal", "name": "render page 7"}, ("render page {id}", "internal")),
        ({}, ("", "internal")),
    ],
)
def test_each_kind_of_span_has_its_template(columns, expected):
    found = operation_template(**columns)
    assert (found.template, found.category) == expected


def test_parameters_of_a_statement_are_known_only_when_nothing_is_hidden():
    def parameters(statement: str) -> int:
        return operation_template(kind="client", db_system="postgresql", db_statement=statement).parameters

    assert parameters("SELECT a FROM t WHERE b = 1") == hashed("1")
    assert parameters("SELECT a FROM t") == hashed("")
    assert parameters("SELECT a FROM t WHERE b = $1") == 0
    assert parameters("SELECT a FROM t WHERE b = $1 LIMIT 10") == 0
    assert parameters("SELECT a FROM t WHERE b = 'cut") == 0


def test_parameters_of_caches_and_documents():
    def parameters(system: str, statement: str) -> int:
        return operation_template(kind="client", db_system=system, db_statement=statement).parameters

    assert parameters("redis", "GET cart:7") == hashed("GET cart:7")
    assert parameters("redis", "GET ?") == 0
    assert parameters("redis", "GET") == parameters("redis", "hgetall ") == 0
    assert parameters("redis", "PING") == hashed("PING")
    ann = parameters("mongodb", '{"find": "users", "filter": {"name": "ann"}, "lsid": {"id": 1}}')
    assert ann == parameters("mongodb", '{"find": "users", "filter": {"name": "ann"}, "lsid": {"id": 2}}') != 0
    assert ann != parameters("mongodb", '{"find": "users", "filter": {"name": "bob"}, "lsid": {"id": 1}}')
    assert parameters("mongodb", '{"find": "users", "filter": {"name": "?"}}') == 0
    assert parameters("mongodb", '{"find": "users", "filter": {"na') == 0
    assert parameters("mongodb", "[" * 20_000) == 0


SEGMENTS = st.one_of(
    st.integers(min_value=0).map(str),
    st.uuids().map(str),
    st.uuids().map(lambda uuid: uuid.hex).filter(lambda text: any(mark.isdigit() for mark in text)),
    st.emails(domains=st.just("example.org")).filter(
        lambda text: set(text) <= set(string.ascii_letters + string.digits + "@.")
    ),
    st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=25, max_size=25).map(lambda text: "0" + text),
)


@given(st.lists(SEGMENTS, min_size=1, max_size=4))
def test_identifiers_of_every_kind_become_one_template(segments):
    path = "".join(f"/item/{segment}" for segment in segments)
    assert http_path_template(path) == "/item/{id}" * len(segments)
    assert http_parameters(path) != 0
    assert is_raw_path(path)


@given(st.lists(st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=12), max_size=5))
def test_words_stay(words):
    path = "/" + "/".join(words)
    assert http_path_template(path) == path
    assert http_parameters(path) == 0


@given(
    st.dictionaries(
        st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=8), st.text(alphabet="Zq019 %&"[:7], max_size=8)
    )
)
def test_no_value_of_a_query_is_in_the_template(query):
    template = http_path_template("/x?" + "&".join(f"{key}={value}" for key, value in query.items()))
    assert template == ("/x?" + "&".join(sorted(query)) if query else "/x")


@given(st.text(max_size=300))
def test_any_text_has_templates_that_are_stable(text):
    path = http_path_template(text)
    assert http_path_template(path) == path
    assert 0 <= http_parameters(text) < 2**64
    assert holds_identifier(text) in {True, False}
    assert is_raw_path(text) in {True, False}
    for template in (name_template, message_destination_template):
        assert isinstance(template(text), str)
    assert isinstance(redis_template(text, ""), str)


COLUMNS = [
    "kind",
    "name",
    "http_method",
    "http_route",
    "url_path",
    "db_system",
    "db_statement",
    "db_operation",
    "db_collection",
]
MORE_COLUMNS = ["db_namespace", "rpc_system", "rpc_service", "rpc_method", "messaging_system", "messaging_destination"]


@given(st.dictionaries(st.sampled_from([*COLUMNS, *MORE_COLUMNS, "messaging_operation"]), st.text(max_size=60)))
def test_any_span_has_an_operation(columns):
    found = operation_template(**columns)
    assert found.category in {"cache", "database", "http", "internal", "messaging", "rpc"}
    assert 0 <= found.parameters < 2**64


@pytest.mark.parametrize(
    "unit", ["/", "1/", "a-", "A1b2", "%4", "a@", "a@b.", "?", "&a", ";", "{id}", "eyJ", "=", "0x", " ", "a/1 "]
)
def test_hostile_lengths_end(unit):
    text = unit * (1_048_576 // len(unit))
    assert len(http_path_template(text)) < 100_000
    assert len(name_template(text)) < 100_000
    assert len(message_destination_template(text)) < 100_000
    assert len(redis_template("GET " + text)) < 100_000
