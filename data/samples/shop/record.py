"""Record the sample telemetry anew: `python -m shop.record`, in the folder above this one."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from shop import servers, traffic
from shop.addresses import HOSTS, HTTP_PORT, RPC_PORT, resolve_names
from shop.collector import Collector, write_compressed
from shop.processes import Processes
from shop.profiles import PROFILES, Profile
from shop.windows import WINDOWS, Window

HERE = Path(__file__).parent
# The jobs start well inside the window, so that their traces do not touch its ends.
VISITS_BEFORE_JOBS = 25
JOBS = ("price-import", "restock")
LISTEN_NAMES = {"acquirer": "api.acquirer-sandbox.com", "supplier": "edi.northwind-supply.com"}
RPC_SERVICES = ("inventory", "shipping")


def _environment(profile: Profile, window: Window, log_folder: Path) -> dict[str, str]:
    environment = {
        "PYTHONPATH": str(HERE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": "UTC",
        "SHOP_FIXED": "1" if window.fixed else "0",
        "SHOP_POLLS": str(window.polls),
        "SHOP_LOG_FOLDER": str(log_folder),
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "idempotency-key,content-type",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST": "idempotency-key,content-type",
    }
    if profile.conventions == "new":
        environment["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database"
    return environment


def _start_services(processes: Processes, window: Window, log_folder: Path) -> list[str]:
    started = [name for name in PROFILES if name not in JOBS]
    for name in started:
        environment = _environment(PROFILES[name], window, log_folder)
        processes.start(name, [sys.executable, "-m", "shop.run", name], environment)
    for name in started:
        port = RPC_PORT if name in RPC_SERVICES else HTTP_PORT
        processes.await_port(name, (HOSTS[LISTEN_NAMES.get(name, name)], port))
    return started


def _run_jobs(processes: Processes, window: Window, log_folder: Path) -> None:
    for name in JOBS:
        environment = _environment(PROFILES[name], window, log_folder)
        processes.start(name, [sys.executable, "-m", "shop.run", name], environment)
        processes.wait(name, timeout_s=120)


def _drive(processes: Processes, window: Window, log_folder: Path, out: Path) -> traffic.Visitors:
    """Send a window's traffic and wait until all of it has been answered."""
    count = sum(phase.visits for phase in window.phases)
    visits = traffic.plan_visits(count, window.seed, window.outage_percent)
    visitors = traffic.Visitors(window.concurrency, window.seed)
    beside = [
        threading.Thread(target=traffic.probe_health, args=(window.probe_rounds, 3.0)),
        threading.Thread(target=traffic.work_in_backoffice, args=(window.backoffice_rounds, 2.0)),
    ]
    for thread in beside:
        thread.start()
    visitors.send(visits[:VISITS_BEFORE_JOBS])
    jobs = threading.Thread(target=_run_jobs, args=(processes, window, log_folder))
    jobs.start()
    sent, until = VISITS_BEFORE_JOBS, 0
    phases = []
    for phase in window.phases:
        until += phase.visits
        traffic.set_acquirer(delay_s=phase.delay_s, failing=phase.failing)
        began = _now()
        visitors.send(visits[sent:until])
        phases.append({"start": began, "end": _now(), **asdict(phase)})
        sent = until
    for thread in (*beside, jobs):
        thread.join()
    servers.await_empty_queues()
    (out / "phases.json").write_text(json.dumps(phases, indent=2) + "\n")
    return visitors


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def record(window: Window, processes: Processes, folder: Path, out: Path) -> None:
    """Run the shop through one window and write what it told into `out`."""
    log_folder = folder / f"{window.name}-logs"
    log_folder.mkdir()
    log_folder.chmod(0o777)
    out.mkdir(parents=True, exist_ok=True)
    servers.create_schema(HERE / "schema.sql")
    servers.declare_queues()
    collector = Collector(HOSTS["otel-collector"])
    began = time.monotonic()
    try:
        started = _start_services(processes, window, log_folder)
        visitors = _drive(processes, window, log_folder, out)
        # The poller and the redelivery of a poisoned message end by count.
        remaining_s = window.polls * 0.55 - (time.monotonic() - began)
        time.sleep(max(0.0, remaining_s))
        processes.stop(*started)
    finally:
        collector.stop()
    counts = collector.write(out)
    for path in sorted(log_folder.iterdir()):
        write_compressed(out / f"{path.name}.zst", path.read_text())
    print(f"{window.name}: {time.monotonic() - began:.0f} s, {counts}", flush=True)
    for answer, count in sorted(visitors.answers.items()):
        print(f"  {count:5d} {answer}")


def main() -> None:
    """Start the servers, record the windows asked for, and stop everything."""
    parser = argparse.ArgumentParser(prog="shop.record", description=__doc__)
    parser.add_argument("windows", nargs="*", metavar="WINDOW", help=f"of {', '.join(WINDOWS)}; all by default")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the windows' folders")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder")
    arguments = parser.parse_args()
    wanted = arguments.windows or list(WINDOWS)
    if unknown := set(wanted) - set(WINDOWS):
        parser.error(f"no such window: {', '.join(sorted(unknown))}")
    # Told to stop, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    resolve_names()
    folder = Path(tempfile.mkdtemp(prefix="shop-"))
    folder.chmod(0o755)
    try:
        with Processes(folder) as processes:
            servers.start_postgres(processes, folder)
            servers.start_redis(processes, folder)
            servers.start_rabbitmq(processes, folder)
            for name in wanted:
                record(WINDOWS[name], processes, folder, arguments.out / name)
    finally:
        if arguments.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
