"""Notifications: a mail for every placed order."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pika
from opentelemetry import trace

from shop import database, web

log = logging.getLogger("notifications.mailer")
tracer = trace.get_tracer("notifications.queue")
connections = database.ThreadConnections("notifications")
http = web.create_session()
QUEUE = "notifications.order-placed"
INSERT_MESSAGE = "INSERT INTO notifications.messages (order_number, channel) VALUES (%s, 'mail')"


def _send(body: bytes) -> None:
    order = json.loads(body)
    # This wrapper starts a span of its own and never looks at the message's headers.
    with tracer.start_as_current_span(
        f"{QUEUE} process",
        kind=trace.SpanKind.CONSUMER,
        attributes={
            "messaging.system": "rabbitmq",
            "messaging.destination.name": QUEUE,
            "messaging.operation.type": "process",
        },
    ):
        http.get(f"http://orders:8080/orders/{order['number']}", timeout=4.0).raise_for_status()
        contact = http.get(f"http://customers:8080/customers/{order['customer_id']}/contact", timeout=2.0)
        contact.raise_for_status()
        connections.get().execute(INSERT_MESSAGE, (order["number"],))
        log.info("order %s confirmed to customer %s", order["number"], order["customer_id"])


def _consume() -> None:
    connection = pika.BlockingConnection(pika.ConnectionParameters("rabbitmq"))
    channel = connection.channel()

    def on_message(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        try:
            _send(body)
        except OSError:
            log.exception("mail not sent")
        channel.basic_ack(method.delivery_tag)

    channel.basic_qos(prefetch_count=4)
    channel.basic_consume(QUEUE, on_message_callback=on_message)
    channel.start_consuming()


def run() -> None:
    """Send mails, and answer health checks."""
    threading.Thread(target=_consume, name="mailer", daemon=True).start()
    web.serve("notifications", web.create_app("notifications"))
