"""The shop's visitors: what they do follows from a seed and from counts, never from the clock."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

SHOP = "http://gateway:8080"
BACKOFFICE = "http://backoffice:8080"
PROBED = (
    "gateway",
    "catalogue",
    "pricing",
    "cart",
    "customers",
    "recommendations",
    "orders",
    "payments",
    "notifications",
    "backoffice",
)
CATEGORIES = {"lamps": "LMP", "chairs": "CHR", "rugs": "RUG", "kitchen": "POT", "bedroom": "BED"}
EMPTY_CART_VISIT = 6
THINK_TIME_S = (0.005, 0.04)


@dataclass(frozen=True)
class Visit:
    """One visitor's way through the shop."""

    customer: int
    cart: str
    category: str
    looked_at: tuple[str, ...]
    bought: tuple[str, ...]
    card: str | None
    voucher: str | None
    status_polls: int


def plan_visits(count: int, seed: int, outage_percent: int) -> list[Visit]:
    """Plan `count` visits; shares of each kind are exact, their order is drawn.

    `outage_percent` of the visitors pay with a card whose issuer the acquirer cannot reach.
    """
    draw = random.Random(seed)
    kinds = ["browse"] * (count * 28 // 100)
    kinds += ["sold-out"] * (count * 7 // 100)
    kinds += ["outage"] * (count * outage_percent // 100)
    kinds += ["3ds"] * (count * 12 // 100)
    kinds += ["voucher"] * (count * 10 // 100)
    kinds += ["buy"] * (count - len(kinds) - 1)
    draw.shuffle(kinds)
    # Early, so that in every window this order is placed while the acquirer still answers.
    kinds.insert(EMPTY_CART_VISIT, "empty")
    return [_plan_visit(draw, number, kind) for number, kind in enumerate(kinds)]


def _plan_visit(draw: random.Random, number: int, kind: str) -> Visit:
    category = draw.choice(sorted(CATEGORIES))
    code = CATEGORIES[category]
    looked_at = [f"{code}-{draw.randrange(1, 40):03d}" for _ in range(4)]
    bought = [f"{code}-{draw.randrange(1, 40):03d}" for _ in range(draw.randrange(1, 4))]
    if kind == "sold-out":
        bought[0] = f"{code}-000"
    if kind in ("browse", "empty"):
        bought = []
    card = {"browse": None, "outage": f"outage-{number}", "3ds": f"3ds-{number}"}
    return Visit(
        customer=1 + number % 300,
        cart=f"{draw.getrandbits(40):010x}",
        category=category,
        looked_at=tuple(looked_at),
        bought=tuple(bought),
        card=card.get(kind, f"card-{number}"),
        voucher="SUMMER-24" if kind == "voucher" else None,
        status_polls=3,
    )


class Visitors:
    """Sends visits to the shop, a few at a time, and counts the answers."""

    def __init__(self, concurrency: int, seed: int) -> None:
        self._concurrency = concurrency
        self._seed = seed
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()

    def send(self, visits: list[Visit]) -> None:
        """Make all `visits` and return when the last has ended."""
        with ThreadPoolExecutor(self._concurrency) as pool:
            list(pool.map(self._visit, visits))

    def _visit(self, visit: Visit) -> None:
        draw = random.Random(f"{self._seed} {visit.cart}")
        browser = requests.Session()
        browser.headers.update(
            {
                "X-Customer": str(visit.customer),
                "X-Cart": visit.cart,
                "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            }
        )

        def ask(method: str, path: str, body: dict[str, object] | None = None) -> requests.Response:
            time.sleep(draw.uniform(*THINK_TIME_S))
            answer = browser.request(method, SHOP + path, json=body, timeout=30)
            self._count(method, path, answer.status_code)
            return answer

        ask("GET", "/")
        ask("GET", f"/categories/{visit.category}")
        for sku in visit.looked_at:
            ask("GET", f"/products/{sku}")
        for sku in visit.bought:
            ask("POST", "/cart/lines", {"sku": sku, "quantity": 1})
        if visit.bought:
            ask("GET", "/cart")
        if visit.voucher:
            ask("POST", "/cart/voucher", {"code": visit.voucher})
        if visit.card:
            placed = ask("POST", "/checkout", {"card": visit.card})
            if placed.ok:
                for _ in range(visit.status_polls):
                    time.sleep(0.15)
                    ask("GET", f"/orders/{placed.json()['number']}")

    def _count(self, method: str, path: str, status: int) -> None:
        page = "/".join(path.split("/")[:2])
        with self._lock:
            self.answers[f"{method} {page} {status}"] += 1


def probe_health(rounds: int, interval_s: float) -> None:
    """Ask every service whether it is up, as an orchestrator's probes do."""
    prober = requests.Session()
    prober.headers["User-Agent"] = "kube-probe/1.33"
    for _ in range(rounds):
        for service in PROBED:
            prober.get(f"http://{service}:8080/health", timeout=10)
        prober.get("http://catalogue:8080/ready", timeout=10)
        time.sleep(interval_s)


def work_in_backoffice(rounds: int, interval_s: float) -> None:
    """Do what the staff does: look at open orders, take goods back, buy and receive goods."""
    browser = requests.Session()
    browser.headers["User-Agent"] = "Mozilla/5.0 (Macintosh) Safari/26.0"
    for number in range(rounds):
        browser.get(f"{BACKOFFICE}/open-orders", timeout=30)
        returned = {"order": f"W{1 + 7 * number:05d}", "reason": "colour"}
        browser.post(f"{BACKOFFICE}/returns", json=returned, timeout=30)
        purchase = {"key": f"{number}", "sku": "LMP-001", "quantity": 10 * number + number % 10}
        browser.post(f"{BACKOFFICE}/purchase-orders", json=purchase, timeout=30)
        if number % 3 == 0:
            delivery = {"lines": {"LMP-001": 20, "CHR-002": 5}}
            browser.post(f"{BACKOFFICE}/deliveries", json=delivery, timeout=30)
        time.sleep(interval_s)


def set_acquirer(*, delay_s: float, failing: bool) -> None:
    """Tell the acquirer's stand-in how to behave from now on."""
    requests.put(
        "http://api.acquirer-sandbox.com:8080/mood",
        json={"delay_s": delay_s, "failing": failing},
        timeout=10,
    ).raise_for_status()
