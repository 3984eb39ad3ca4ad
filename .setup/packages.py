"""Python environments with pinned packages, `.testenv` and `.benchenv`: links
in the repository, environments in the cache.
"""

import hashlib
import os
import sys

import places
from places import ROOT, say


def set_up(name, what, download, space):
    """Makes `.NAME` point to an environment with exactly the packages of
    `NAME.txt`. `download` and `space` are in MB."""
    requirements = ROOT / ".setup" / f"{name}.txt"
    folder = f"{name}-{fingerprint(requirements)}"
    if os.path.basename(os.path.realpath(ROOT / f".{name}")) == folder and works(ROOT / f".{name}"):
        return
    cache = places.cache_folder()
    home = cache / folder
    with places.only_one(cache):
        if not works(home):
            import environment  # Late, so that a set-up with nothing to do starts fast.

            say(f"setting up {what} (once; about {download} MB to download)")
            places.need_space(cache, space, what)
            environment.create(home, ["--requirement", str(requirements)])
    places.link(ROOT / f".{name}", home)


def fingerprint(requirements):
    """Changes with the list of packages and with the version of Python."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    content = requirements.read_bytes() + python.encode()
    return hashlib.sha256(content).hexdigest()[:12]


def works(home):
    """False also when the Python that the environment was made with is gone."""
    return (home / "bin" / "python").exists()
