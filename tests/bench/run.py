"""Runs the benchmarks beside their peers: `.benchenv/bin/python tests/bench/run.py [NAME …]`.

Ours and theirs run in turn, in one session, three times; the medians are printed, one line a figure:

    bench NAME ours=… peer=… ratio=… goal=… ok|short

The ratio of times says how many times faster ours is, the ratio of sizes which share of the peer's it needs.
"""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

BENCHES = ("check", "point_in_time", "training", "serving", "live")


def main(names):
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.exit(f"error: there is no benchmark {unknown[0]}; there is {', '.join(BENCHES)}")
    short = 0
    for name in names or BENCHES:
        for line in importlib.import_module(f"{name}.bench").figures():
            print(line, flush=True)
            short += line.endswith(" short")
    if short:
        print(f"{short} figures fall short of their goals", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
