"""PostgreSQL, Redis and RabbitMQ on loopback, in a temporary folder, for one recording."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pika

from shop.addresses import HOSTS
from shop.processes import Processes

POSTGRES_BINARIES = Path("/usr/lib/postgresql/15/bin")
POSTGRES_PORT = 5432
EPMD_PORT = "24369"
# One way between the services' zone and the database's.
ZONE_DELAY_MS = 1.0
QUEUES = (
    "shipping.order-placed",
    "notifications.order-placed",
    "recommendations.order-placed",
)
DEAD_LETTERS = "shipping.order-placed.dead-letter"
DELIVERY_LIMIT = 8


def _as_owner(folder: Path, user: str, command: list[str]) -> list[str]:
    """Return `command` to be run as the unprivileged `user`, unless this user is one already."""
    if os.geteuid() != 0:
        return command
    shutil.chown(folder, user, user)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


def start_postgres(processes: Processes, folder: Path) -> None:
    """Create a cluster, start it, and put the delaying link before it."""
    home = folder / "postgres"
    home.mkdir()
    data = home / "data"
    initdb = [str(POSTGRES_BINARIES / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres"]
    subprocess.run([*_as_owner(home, "postgres", initdb), "--no-sync"], check=True, cwd=home, stdout=subprocess.DEVNULL)
    options = {
        "listen_addresses": HOSTS["postgres-primary"],
        "port": str(POSTGRES_PORT),
        "unix_socket_directories": str(home),
        "fsync": "off",
        "max_connections": "150",
        "autovacuum": "off",
    }
    command = [str(POSTGRES_BINARIES / "postgres"), "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    processes.start("postgres", _as_owner(home, "postgres", command))
    processes.await_port("postgres", (HOSTS["postgres-primary"], POSTGRES_PORT))
    link = [sys.executable, "-m", "shop.link", HOSTS["postgres"], str(POSTGRES_PORT)]
    link += [HOSTS["postgres-primary"], str(POSTGRES_PORT), str(ZONE_DELAY_MS)]
    processes.start("zone-link", link)
    processes.await_port("zone-link", (HOSTS["postgres"], POSTGRES_PORT))


def create_schema(schema: Path) -> None:
    """Create the database `shop` anew, with its assortment and customers."""
    psql = [str(POSTGRES_BINARIES / "psql"), "-h", HOSTS["postgres-primary"], "-U", "postgres"]
    quiet = {**os.environ, "PGOPTIONS": "-c client_min_messages=error"}
    psql += ["-q", "-v", "ON_ERROR_STOP=1"]
    for statement in (
        "DROP DATABASE IF EXISTS shop WITH (FORCE)",
        "CREATE DATABASE shop",
    ):
        subprocess.run([*psql, "-c", statement], check=True, env=quiet)
    roles = "SELECT 'DROP ROLE ' || rolname FROM pg_roles WHERE rolname !~ '^(pg_|postgres)' \\gexec"
    subprocess.run([*psql, "-o", "/dev/null"], input=roles.encode(), check=True)
    subprocess.run([*psql, "-d", "shop", "-f", str(schema)], check=True)


def start_redis(processes: Processes, folder: Path) -> None:
    """Start a Redis that keeps nothing on disk."""
    home = folder / "redis"
    home.mkdir()
    command = ["redis-server", "--bind", HOSTS["redis"], "--port", "6379", "--dir", str(home)]
    command += ["--save", "", "--appendonly", "no"]
    processes.start("redis", _as_owner(home, "redis", command))
    processes.await_port("redis", (HOSTS["redis"], 6379))


def start_rabbitmq(processes: Processes, folder: Path) -> None:
    """Start a RabbitMQ broker whose node and port mapper listen on loopback only."""
    home = folder / "rabbitmq"
    home.mkdir()
    settings = home / "rabbitmq.conf"
    settings.write_text(
        f"listeners.tcp.1 = {HOSTS['rabbitmq']}:5672\n"
        "loopback_users = none\n"
        "vm_memory_high_watermark.absolute = 1GB\n"
        "disk_free_limit.absolute = 50MB\n"
    )
    environment = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": "shop@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "",
        "RABBITMQ_CONFIG_FILE": str(settings),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_DIST_PORT": "25679",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface"
        " {127,0,0,1} +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": EPMD_PORT,
    }
    command = _as_owner(home, "rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"])
    processes.start("rabbitmq", command, environment)
    # The broker leaves Erlang's port mapper running; the one on this port is its own.
    processes.afterwards(["epmd", "-port", EPMD_PORT, "-kill"])
    processes.await_port("rabbitmq", (HOSTS["rabbitmq"], 5672), timeout_s=120)


def declare_queues() -> None:
    """Declare the exchange of placed orders and its queues, emptied."""
    connection = pika.BlockingConnection(pika.ConnectionParameters(HOSTS["rabbitmq"]))
    channel = connection.channel()
    channel.exchange_declare("order.placed", "fanout", durable=True)
    for queue in (*QUEUES, DEAD_LETTERS):
        channel.queue_delete(queue)
        channel.queue_declare(
            queue,
            durable=True,
            arguments={"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT},
        )
    for queue in QUEUES:
        channel.queue_bind(queue, "order.placed")
    connection.close()


def await_empty_queues(timeout_s: float = 30.0) -> None:
    """Wait until the consumers have taken every message."""
    connection = pika.BlockingConnection(pika.ConnectionParameters(HOSTS["rabbitmq"]))
    channel = connection.channel()
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        waiting = [channel.queue_declare(queue, passive=True).method.message_count for queue in QUEUES]
        if not any(waiting):
            break
        time.sleep(0.2)
    connection.close()
