"""Kill commands at random moments, many times: ``python -m tests.faults --kills 200``."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.faults.killing import SCENES, killed_and_run_again, moments, undisturbed
from tests.shop import shop_file


def main() -> int:
    """Kill each scene in turn and say whether a second run ever gave other bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--scene", choices=SCENES, action="append")
    options = parser.parse_args()
    random_ = random.Random(options.seed)
    names = options.scene or [name for name in SCENES for _ in range(SCENES[name].weight)]
    random_.shuffle(names)
    counts = {name: Counter[str]() for name in names}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = shop_file(folder / "shop.jsonl", 40)
        # The first run of all compiles the kernels: it says nothing of how long the others take.
        for scene in counts:
            undisturbed(SCENES[scene], source, folder / f"{scene} first")
        whole = {scene: undisturbed(SCENES[scene], source, folder / scene) for scene in counts}
        # A machine that is busy with other things is slower now and then: the last whole run says how long one takes.
        lasts = {scene: seconds for scene, (_, seconds) in whole.items()}
        print(
            "undisturbed:", ", ".join(f"{scene} {seconds:.1f} s" for scene, (_, seconds) in whole.items()), flush=True
        )
        for number in range(options.kills):
            scene = names[number % len(names)]
            # A run that ended before it was to be killed is no kill: it is not counted, and tried again.
            killed = False
            while not killed:
                [after] = moments(random_, lasts[scene], 1)
                out = folder / f"{scene}-{number}"
                written, killed, lasts[scene] = killed_and_run_again(SCENES[scene], source, out, after)
                counts[scene]["killed" if killed else "ended before"] += 1
                differing = sorted(name for name, _ in set(written.items()) ^ set(whole[scene][0].items()))
                shutil.rmtree(out)
                if differing:
                    counts[scene]["gave other bytes"] += 1
                    print(f"{scene}, killed after {after:.3f} s: {', '.join(differing)} differ", flush=True)
            if number % 10 == 9:
                print(f"{number + 1} of {options.kills} kills, {_lost(counts)} gave other bytes", flush=True)
    told = "; ".join(
        f"{scene}: {', '.join(f'{n} {what}' for what, n in found.items())}" for scene, found in counts.items()
    )
    print(f"seed {options.seed}: {options.kills} kills, {_lost(counts)} gave other bytes ({told})")
    return 1 if _lost(counts) else 0


def _lost(counts: Mapping[str, Counter[str]]) -> int:
    return sum(found["gave other bytes"] for found in counts.values())


if __name__ == "__main__":
    sys.exit(main())
