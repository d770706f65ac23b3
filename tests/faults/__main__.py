"""Kill commands at random moments, many times: ``python -m tests.faults --kills 200``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
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
    names = options.scene or list(SCENES)
    lost = killed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = shop_file(folder / "shop.jsonl", 200)
        whole = {scene: undisturbed(SCENES[scene], source, folder / scene) for scene in names}
        for number in range(options.kills):
            scene = names[number % len(names)]
            [after] = moments(random_, whole[scene][1], 1)
            out = folder / f"{scene}-{number}"
            written, was_killed = killed_and_run_again(SCENES[scene], source, out, after)
            killed += was_killed
            if written != whole[scene][0]:
                lost += 1
                print(f"{scene}, killed after {after:.3f} s: other bytes", flush=True)
    print(f"seed {options.seed}: {options.kills} runs of {', '.join(names)}, {killed} killed, {lost} gave other bytes")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
