"""Sets up `examples/fraud/data`: half a year of made-up payments by card.

The example's own simulator makes them; equal sources give equal files, so the
folder in the cache is named by the simulator's sources.
"""

import hashlib
import os
import subprocess

import places
from places import ROOT, SetupError, say

LINK = ROOT / "examples" / "fraud" / "data"
SIMULATOR = ROOT / "examples" / "fraud" / "simulator"
PROGRAM = "mlsys-fraud-simulator"
DAYS = 183


def set_up():
    """Makes `examples/fraud/data` point to the payments of this simulator."""
    if LINK.is_dir() and not LINK.is_symlink():  # a folder of the user's own
        return
    cache = places.cache_folder()
    folder = cache / "data" / f"payments-{fingerprint()}"
    if not complete(folder):
        with places.only_one(cache):
            if not complete(folder):
                build(folder)
    places.link(LINK, folder)


def fingerprint():
    """Changes with the simulator's sources."""
    digest = hashlib.sha256()
    for source in sources():
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def sources():
    return sorted((SIMULATOR / "src").glob("*.rs"))


def complete(folder):
    return len(list((folder / "payments").glob("*.parquet"))) == DAYS


def build(folder):
    say("setting up the payments of the fraud example (once; some seconds)")
    places.need_space(places.cache_folder(), 100, "the fraud example")
    simulator = built() or cargo()
    with places.built_aside(folder) as aside:
        made = subprocess.run([str(simulator), str(aside)], capture_output=True, text=True)
        if made.returncode != 0:
            raise SetupError(f"{PROGRAM} failed: {(made.stderr or made.stdout).strip()}")
        if not complete(aside):
            raise SetupError(f"{PROGRAM} has not made a file for each of {DAYS} days")


def target():
    """Where cargo puts what it builds."""
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


def built():
    """A simulator that is not older than its sources, if there is one: the faster one first."""
    newest = max(source.stat().st_mtime for source in sources())
    for profile in ("release", "debug"):
        program = target() / profile / PROGRAM
        if program.is_file() and program.stat().st_mtime >= newest:
            return program
    return None


def cargo():
    """Builds the simulator alone."""
    say("  building the simulator")
    command = ["cargo", "build", "--quiet", "--package", PROGRAM]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SetupError("the simulator could not be built: see above")
    return target() / "debug" / PROGRAM
