"""Packages of the system: named with the command that installs them, and
installed where nobody has to be asked.
"""

import os
import shutil
import subprocess

from places import SetupError, say


def need(missing, why):
    """Sees to it that Debian's packages are there. `missing` are those that are not."""
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupError(f"{why} need packages that are not installed:  sudo apt-get install {names}")
    say(f"installing {names} ({why} need them)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        finished = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True)
        if finished.returncode != 0:
            raise SetupError(f"apt-get {arguments[0]} failed:\n{finished.stderr.strip()}")
