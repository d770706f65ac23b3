"""What counts as a secret or as personal data, and what only looks like it. All values are invented or for tests."""

from __future__ import annotations

import pyarrow as pa
import pytest

from analysis._exposed import KINDS, kinds_in, kinds_of, without_secrets

#: Assembled here, so that scanners of repositories find no key in this file.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = ".".join(["eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N"])
HELD = [
    (f"key {AWS} used", "access key"),
    ("token gh" + "p_" + "a1B2" * 9, "access key"),
    (f"Authorization: Bearer {'a1b2' * 6}", "bearer token"),
    (f"jwt {JWT}", "JSON web token"),
    ("password=hunter2xyz", "password"),
    ('{"client_secret": "s3cr3tvalue9"}', "password"),
    ("postgres://app:hunter2@db:5432/shop", "password"),
    ("-----BEGIN RSA PRIVATE " + "KEY-----", "private key"),
    # The examples of the IBAN registry.
    ("to DE89370400440532013000", "bank account"),
    ("to GB29 NWBK 6016 1331 9268 19", "bank account"),
    # Test numbers that the card schemes publish.
    ("card 4111111111111111", "card number"),
    ("card 5555-5555-5555-4444", "card number"),
    ("card 3782 822463 10005", "card number"),
    ("mail to eve.smith+x@shop-mail.co.uk now", "e-mail address"),
]
INNOCENT = [
    "card 4111111111111112",
    "order 9111111111111111 placed",
    "at 1795418554500000000 and 1795418554500000",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "to DE89370400440532013001",
    "to XX89370400440532013000",
    "password is required",
    "password: incorrect",
    "password=****** token=<redacted> secret=[FILTERED] api_key=xxxxxxxx",
    "UPDATE users SET password = $1 WHERE id = ?",
    "refresh token expired: yes",
    "postgres://app@db:5432/shop http://host:8080/path@2",
    "mail to a@example.com, noreply@shop.com, git@github.com, svc@cart.shop.svc, logo@2x.png",
    "user@host wrote",
    "eyJ is how they begin",
    "Bearer of bad news",
]


@pytest.mark.parametrize(("text", "kind"), HELD)
def test_each_kind_is_found(text, kind):
    assert kinds_in(text) == (kind,)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_innocent_is_not(text):
    assert kinds_in(text) == ()


def test_many_texts_are_searched_as_each_of_them_is():
    texts = [text for text, _ in HELD] + INNOCENT
    expected = {place: kinds_in(text) for place, text in enumerate(texts) if kinds_in(text)}
    assert kinds_of(pa.array(texts, pa.string())) == expected
    assert {kind for kinds in expected.values() for kind in kinds} == set(KINDS)


@pytest.mark.parametrize("text", [text for text, kind in HELD if kind in ("access key", "bearer token", "password")])
def test_secrets_are_taken_out(text):
    assert "<secret>" in without_secrets(text)
    assert not kinds_in(without_secrets(text))


@pytest.mark.parametrize("piece", ["a.", "1", "4111 ", "eyJ.", "password=", "@", "-", "DE89 ", "://a:"])
def test_no_text_takes_long(piece):
    assert kinds_in(piece * 20_000) in {(), ("e-mail address",), ("password",), ("bank account",)}
