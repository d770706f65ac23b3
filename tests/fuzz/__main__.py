"""Fuzz for as long as is asked: ``python -m tests.fuzz --minutes 30``; what breaks is kept in the corpus.

Exits with 1 where something broke. The random numbers begin with the seed that is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import CORPUS, SLOWEST_SECONDS, TARGETS, seeds_of

#: Inputs after which the fuzzer says how far it is.
TOLD_EVERY = 1_000


def main() -> int:
    """Fuzz every target in turn and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--target", choices=TARGETS, action="append")
    options = parser.parse_args()
    random_ = random.Random(options.seed)
    targets = options.target or list(TARGETS)
    corpus = {target: seeds_of(target) for target in targets}
    counts, broken = dict.fromkeys(targets, 0), 0
    end = time.monotonic() + options.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            target = random_.choice(targets)
            mutant = mutated(random_, corpus[target])
            broken += not survives(target, mutant, Path(folder) / "input.json")
            counts[target] += 1
            if sum(counts.values()) % TOLD_EVERY == 0:
                print(f"{sum(counts.values())} inputs, {broken} broke", flush=True)
    tried = ", ".join(f"{count} of {target}" for target, count in counts.items())
    print(
        f"seed {options.seed}: {sum(counts.values())} inputs in {options.minutes:g} minutes ({tried}), {broken} broke"
    )
    return 1 if broken else 0


def survives(target: str, mutant: bytes, path: Path) -> bool:
    """Give one input to a target; keep it where it breaks something or takes too long."""
    path.write_bytes(mutant)
    began = time.process_time()
    try:
        TARGETS[target](path)
    except Exception:  # noqa: BLE001 - whatever escapes is what is looked for
        traceback.print_exc()
    else:
        if time.process_time() - began < SLOWEST_SECONDS:
            return True
    kept = CORPUS / target / hashlib.sha256(mutant).hexdigest()[:16]
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(mutant)
    print(f"{target}: kept {kept}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
