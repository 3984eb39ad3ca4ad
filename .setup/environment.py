"""A Python environment in the cache that holds a fixed list of packages."""

import subprocess
import sys

import index
import places
from places import SetupError


def create(home, requirements):
    """Builds the environment in `home`; only wheels are installed.

    pip of the running Python installs into the new environment. It therefore
    needs no pip of its own, and Debian's separate package python3-venv is not
    needed either.
    """
    with places.built_aside(home) as aside:
        venv = [sys.executable, "-m", "venv", "--without-pip", str(aside)]
        made = subprocess.run(venv, capture_output=True, text=True)
        if made.returncode != 0:
            raise SetupError(
                f"python3 -m venv failed: {(made.stderr or made.stdout).strip()}\n"
                "  Debian, Ubuntu:  sudo apt-get install python3-venv"
            )
        install(packages(aside), requirements)
        for script in (aside / "bin").glob("[Aa]ctivate*"):
            script.unlink()  # They name the folder by its temporary name.


def packages(home):
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return home / "lib" / version / "site-packages"


def install(folder, requirements):
    arguments = ["install", "--only-binary", ":all:", "--target", str(folder)]
    finished = index.run(arguments + requirements)
    if finished.returncode != 0:
        index.refuse_if_unreachable(finished.stderr, "the packages")
        raise SetupError(
            "pip could not install the packages\n"
            f"{index.complaint(finished.stderr)}\n"
            "  they have to exist as wheels for this Python "
            f"({sys.version_info.major}.{sys.version_info.minor}) and this system: "
            "try another one, as in  make PYTHON=python3.12\n"
            "  or see the details with  export MLSYS_DEBUG=1"
        )
