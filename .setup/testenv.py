"""Sets up `.testenv`, a Python environment with the packages that the tests
compare our results with. Compiled programs never use it.
"""

import hashlib
import os
import sys

import places
from places import ROOT, say

LINK = ROOT / ".testenv"
REQUIREMENTS = ROOT / ".setup" / "testenv.txt"


def set_up():
    """Makes `.testenv` point to an environment with exactly our packages."""
    name = f"testenv-{fingerprint()}"
    if os.path.basename(os.path.realpath(LINK)) == name and works(LINK):
        return
    cache = places.cache_folder()
    home = cache / name
    with places.only_one(cache):
        if not works(home):
            build(home)
    places.link(LINK, home)


def fingerprint():
    """Changes with the list of packages and with the version of Python."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    content = REQUIREMENTS.read_bytes() + python.encode()
    return hashlib.sha256(content).hexdigest()[:12]


def works(home):
    """False also when the Python that the environment was made with is gone."""
    return (home / "bin" / "python").exists()


def build(home):
    import environment  # Late, so that a set-up with nothing to do starts fast.

    say("setting up the test environment (once; about 170 MB to download)")
    places.need_space(home.parent, 900, "the test environment")
    environment.create(home, ["--requirement", str(REQUIREMENTS)])
