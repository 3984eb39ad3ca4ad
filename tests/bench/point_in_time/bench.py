"""Point-in-time features: a training set from events and observations, against Polars and DuckDB.

`sparse` has ten events for every observation and 100,000 keys, `dense` as many observations as events and 229 keys.
Every figure is of whole processes with default settings: read, compute, write.
"""

import json
import shutil
import sys
from pathlib import Path

from measuring import MLSYSC, TARGET, below, faster, in_turn, run, smaller

HERE = Path(__file__).parent
PEERS = (sys.executable, HERE / "peers.py")
FLOOR = TARGET / "release" / "examples" / "floor"
WORKS = {
    "sparse": ("--events", 5_000_000, "--obs", 500_000, "--keys", 100_000, "--skew", 0.8),
    "dense": ("--events", 3_000_000, "--obs", 3_000_000, "--keys", 229, "--skew", 0.0),
}
SCALES = (5, 20, 50)
NODE = "join.risk.spending"


def figures():
    yield from against_peers("sparse", 3, ("polars", "duckdb"))
    yield from against_peers("dense", 2, ("polars",))
    yield from growing()
    yield from appending()


def against_peers(work, goal, peers):
    folder = project(work, WORKS[work])
    programs = {"ours": lambda: ours(folder)}
    for peer in peers:
        programs[peer] = lambda peer=peer: run([*PEERS, peer, folder])
    programs["floor"] = lambda: run([FLOOR, folder / "events.parquet", folder / "observations.parquet", result(folder)])
    found = in_turn(**programs)
    name = f"point_in_time.{work}"
    yield faster(f"{name}.polars", found["ours"].seconds, found["polars"].seconds, goal)
    yield smaller(f"{name}.polars.memory", found["ours"].mebibytes, found["polars"].mebibytes, 0.5)
    if "duckdb" in found:
        yield faster(f"{name}.duckdb", found["ours"].seconds, found["duckdb"].seconds, 20)
        run([*PEERS, "check", folder, result(folder)])
        yield f"bench {name}.duckdb.same ours=1e-9 peer=1e-9 ratio=1.00 goal=>=1 ok"
    # Reading and writing the same files with DataFusion alone: no program of ours can be faster.
    yield f"note {name}.floor {found['floor'].seconds:.3f}s, ours takes {found['ours'].seconds / found['floor'].seconds:.2f} times as long"


def growing():
    """Time grows with rows, memory does not grow beyond what it may be."""
    seconds = {}
    for millions in SCALES:
        counts = ("--events", millions * 1_000_000, "--obs", millions * 100_000, "--keys", millions * 20_000)
        folder = project(f"scale{millions}", (*counts, "--skew", 0.8))
        found = in_turn(ours=lambda: ours(folder, "--memory", 1024))["ours"]
        seconds[millions] = found.seconds
        yield below(f"point_in_time.{millions}m.memory", found.mebibytes, 2048, "MiB")
        yield f"note point_in_time.{millions}m {found.seconds:.2f}s, {millions / found.seconds:.2f} million events a second"
    first, last = SCALES[0], SCALES[-1]
    grown = (seconds[last] / seconds[first]) / (last / first)
    yield below("point_in_time.linear", grown, 1.5, "")


def appending():
    """A day more than 90 costs a day: the whole process, beside a build from nothing, for both works."""
    for work in WORKS:
        days = in_days(work)
        last = max(path.name for path in (days / "events").iterdir())
        found = in_turn(full=lambda: ours(days), day=lambda: the_day_alone(days, last))
        full, day = found["full"].seconds, found["day"].seconds
        yield faster(f"point_in_time.{work}.append", day, full, 20)


def in_days(work):
    """The rows of a work, one file a day."""
    folder = project(work, WORKS[work])
    days = folder / "by_day"
    if not days.exists():
        run([*PEERS, "days", folder, days])
    shutil.copy(HERE / "days.mlsys", days)
    return days


def the_day_alone(days, last):
    """A build without the last day, and then one with it, which is measured."""
    tables = [days / "events", days / "observations"]
    aside = [table.with_name(f"{table.name}.{last}") for table in tables]
    for table, place in zip(tables, aside):
        (table / last).rename(place)
    ours(days)
    for table, place in zip(tables, aside):
        place.rename(table / last)
    return run([MLSYSC, "run", days, "--only", NODE])


def project(name, counts):
    """A project folder with generated data, which is kept for later runs."""
    folder = TARGET / "bench" / "point_in_time" / name
    if not (folder / "observations.parquet").exists():
        run([*PEERS, "gen", *counts, folder])
    shutil.copy(HERE / "pit.mlsys", folder)
    return folder


def ours(folder, *options):
    shutil.rmtree(folder / ".mlsys", ignore_errors=True)
    return run([MLSYSC, "run", folder, "--only", NODE, *options])


def result(folder):
    """The table that was written: a list of files, of which there is one for each file of observations."""
    listed = next((folder / ".mlsys" / "offline" / NODE).glob("*/data.json"))
    (part,) = json.loads(listed.read_text())["files"]
    return listed.parent / part["path"]
