"""What the benchmarks share: running programs, and the lines that say what was measured."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
MLSYSC = TARGET / "release" / "mlsysc"
TIMES = 3


@dataclass
class Run:
    """One run of a program: wall-clock seconds of the whole process, and the most memory it held, in MiB."""

    seconds: float
    mebibytes: float


def run(command):
    """Runs a program to its end and measures it; its output appears only if it fails."""
    started = time.perf_counter()
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"error: {' '.join(map(str, command))}\n{output.decode(errors='replace')}")
    return Run(seconds, usage.ru_maxrss / 1024)


def in_turn(**programs):
    """Runs programs in turn, several times; the medians of each by name."""
    runs = {name: [] for name in programs}
    for _ in range(TIMES):
        for name, program in programs.items():
            runs[name].append(program())
    return {
        name: Run(statistics.median(run.seconds for run in all), statistics.median(run.mebibytes for run in all))
        for name, all in runs.items()
    }


def faster(name, ours, peer, goal):
    """How many times faster ours is than a peer, in seconds."""
    return line(name, f"{ours:.3f}s", f"{peer:.3f}s", peer / ours, f">={goal:g}", peer / ours >= goal)


def smaller(name, ours, peer, goal):
    """Which share of a peer's memory ours needs, in MiB."""
    return line(name, f"{ours:.0f}MiB", f"{peer:.0f}MiB", ours / peer, f"<={goal:g}", ours / peer <= goal)


def below(name, ours, bound, unit):
    """A figure of ours against a bound."""
    return line(name, f"{ours:.2f}{unit}", f"{bound:g}{unit}", ours / bound, "<=1", ours <= bound)


def line(name, ours, peer, ratio, goal, is_met):
    return f"bench {name} ours={ours} peer={peer} ratio={ratio:.2f} goal={goal} {'ok' if is_met else 'short'}"
