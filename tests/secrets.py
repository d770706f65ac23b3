"""Forty kinds of secrets and personal data, made up, and where each is planted."""

from __future__ import annotations

import base64

#: Kind: the value as it would be written, and the part of it that may be found nowhere.
SECRETS: dict[str, tuple[str, str]] = {
    "AWS access key": ("AKIA" + "QWERTYUIOPASDF23", "QWERTYUIOPASDF23"),
    "AWS session key": ("ASIA" + "ZXCVBNMASDFGHJ45", "ZXCVBNMASDFGHJ45"),
    "AWS secret key": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYzq9876kKeY", "bPxRfiCYzq9876kKeY"),
    "GitHub token": ("ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "g7H8i9J0k1L2"),
    "GitHub fine-grained token": ("github_pat_" + "11ABCDEFG0qwertzuiopas_dfghjk987", "qwertzuiopas"),
    "GitLab token": ("glpat-" + "xYz123AbC456dEf789Gh", "xYz123AbC456"),
    "Slack token": ("xoxb-" + "123456789012-abcdefGHIJKL", "abcdefGHIJKL"),
    "Slack webhook": ("https://hooks.slack.com/services/T0AAAA/B0BBBB/cCcCdDdDeEeE", "cCcCdDdDeEeE"),
    "Google API key": ("AIza" + "SyD4fG5hJ6kL7zX8cV9bN0mQ1wE2rT3yU4i", "D4fG5hJ6kL7z"),
    "Google OAuth token": ("ya29." + "a0AfH6SMBqwertyuiop", "AfH6SMBqwertyuiop"),
    "Stripe key": ("sk_live_" + "51H8abcdEFGHijkl", "51H8abcdEFGHijkl"),
    "Stripe restricted key": ("rk_live_" + "77Z9mnopQRSTuvwx", "77Z9mnopQRSTuvwx"),
    "Twilio key": ("SK" + "0123456789abcdef0123456789abcdef", "456789abcdef0123"),
    "SendGrid key": ("SG." + "abcdefghijklmnop12.qrstuvwxyzABCDEF34", "qrstuvwxyzABCDEF34"),
    "npm token": ("npm_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5", "fG7hI9jK1lM3"),
    "PyPI token": ("pypi-" + "AgEIcHlwaS5vcmcCJDAxMjM0NTY3", "cHlwaS5vcmcCJDAx"),
    "OpenAI-style key": ("sk-" + "proj-QAZWSXEDCRFVTGBYHN", "QAZWSXEDCRFVTGBYHN"),
    "Hugging Face token": ("hf_" + "QwErTyUiOpAsDfGhJkLz", "QwErTyUiOpAsDfGhJkLz"),
    "Shopify token": ("shpat_" + "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "4e5f60718293a4b5"),
    "Azure storage key": ("AccountKey=" + "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==", "Zm9vYmFyYmF6cXV4"),
    "JSON web token": (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJldmUtNDcxMSJ9.c2lnbmF0dXJlLW9mLWV2ZQ",
        "eyJzdWIiOiJldmUtNDcxMSJ9",
    ),
    "bearer token": ("Bearer " + "mF_9.B5f-4.1JqM-eve", "B5f-4.1JqM-eve"),
    "basic credentials": ("Basic " + base64.b64encode(b"eve:hunter2-basic").decode(), "ZXZlOmh1bnRlcjItYmFzaWM"),
    "password": ("password=hunter2-plain", "hunter2-plain"),
    "password in JSON": ('{"password": "hunter2-json"}', "hunter2-json"),
    "credentials of an address": ("https://eve:hunter2-url@cart.internal/x", "hunter2-url"),
    "API key of an address": ("api_key=hunter2-apikey-77", "hunter2-apikey-77"),
    "session": ("sessionid=hunter2-session-88", "hunter2-session-88"),
    "client secret": ("client_secret=hunter2-client-99", "hunter2-client-99"),
    "private key": ("-----BEGIN RSA PRIVATE KEY-----MIIEowIBAAKCAQEAhunter2pem", "hunter2pem"),
    "one-time password": ("otp=918273", "918273"),
    "e-mail address": ("eve.mallory@mail.corp-example.de", "eve.mallory"),
    "escaped e-mail address": ("eve.escaped%40mail.corp-example.de", "eve.escaped"),
    "Visa card": ("4111111111111111", "4111111111111111"),
    "Mastercard": ("5500 0000 0000 0004", "5500 0000 0000 0004"),
    "American Express card": ("3782 822463 10005", "3782 822463 10005"),
    "IBAN": ("DE89370400440532013000", "370400440532013000"),
    "spaced IBAN": ("GB82 WEST 1234 5698 7654 32", "WEST 1234 5698"),
    "social security number": ("078-05-1120", "078-05-1120"),
    "phone number": ("+49 170 5550 1234", "170 5550 1234"),
}
#: The part that may be found nowhere, by kind, and all values.
MARKERS = {kind: marker for kind, (_, marker) in SECRETS.items()}
VALUES = [value for value, _ in SECRETS.values()]
#: Fields of spans that hold names: each of them is shown somewhere.
NAMING = (
    "service.name",
    "service.namespace",
    "service.version",
    "host.name",
    "service.instance.id",
    "http.route",
    "http.request.method",
    "peer.service",
    "server.address",
    "db.collection.name",
    "db.namespace",
    "db.operation.name",
    "messaging.destination.name",
    "rpc.service",
    "rpc.method",
    "error.type",
    "code.namespace",
)
#: Fields that hold values.
HOLDING = (
    "url.full",
    "url.path",
    "url.query",
    "db.query.text",
    "db.query.parameter.0",
    "http.request.header.authorization",
    "http.request.header.cookie",
    "http.response.header.set-cookie",
    "enduser.id",
    "user.email",
    "messaging.message.id",
    "exception.message",
)
