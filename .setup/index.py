"""Everything that is asked of pip, so that the user's own pip configuration
(index, mirror, certificate, proxy) decides where files come from.
"""

import functools
import os
import re
import subprocess
import sys

from places import SetupError

INSTALL_PIP = (
    "  Debian, Ubuntu:  sudo apt-get install python3-pip\n"
    "  macOS:           brew install python"
)


def locate(pin):
    """The address of a file on the package index, or None if it is not listed.

    `pip install --dry-run --report` would tell it as well, but many versions
    of pip then download the whole wheel first. `pip index versions -vv` reads
    only the project's page and logs the address of every file on it, also of
    those meant for another Python or another platform.
    """
    listing = run(["index", "versions", "-vv", pin.project])
    text = listing.stdout + listing.stderr
    found = re.search(r"https?://\S+/" + re.escape(pin.name) + r"(?=[#\s]|$)", text)
    if found:
        return found.group(0)
    if pin.name not in text:  # neither on the index nor in a local folder
        refuse_if_unreachable(text, pin.project)
    return None


def download(pin, folder):
    """Lets pip itself download the file: slower to resume, but it knows every
    way of logging in to an index."""
    arguments = ["download", "--no-deps", "--dest", str(folder)]
    if pin.platform:
        arguments += ["--only-binary", ":all:", "--platform", pin.platform]
        arguments += ["--python-version", "3.12", "--implementation", "cp"]
    else:
        arguments += ["--no-binary", ":all:"]
    finished = run(arguments + [f"{pin.project}=={pin.version}"])
    if finished.returncode != 0:
        refuse_if_unreachable(finished.stderr, pin.project)
        raise SetupError(f"pip could not download {pin.name}\n{complaint(finished.stderr)}")


def setting(name):
    """One value of the user's pip configuration, such as `cert` or `proxy`."""
    values = re.findall(rf"^(\S+)\.{name}='(.*)'$", configuration(), re.MULTILINE)
    # pip prefers the environment (":env:") to its configuration files.
    values.sort(key=lambda value: value[0] != ":env:")
    return values[0][1] if values else None


@functools.lru_cache(maxsize=None)
def configuration():
    return run(["config", "list"]).stdout


def run(arguments):
    """Runs pip with this very Python; what it prints is captured."""
    require_pip()
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    # pip must speak English, as its messages are searched for a few words.
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    finished = subprocess.run(command, capture_output=True, text=True, env=environment)
    if os.environ.get("MLSYS_DEBUG") == "1":
        print("+", *command, finished.stdout, finished.stderr, sep="\n", file=sys.stderr)
    return finished


def require_pip():
    import importlib.util

    if importlib.util.find_spec("pip") is None:
        raise SetupError(f"pip is missing for {sys.executable}\n{INSTALL_PIP}")


def refuse_if_unreachable(text, project):
    signs = r"Retrying|Could not fetch URL|ConnectionError|NewConnection|timed out|SSLError"
    if re.search(signs, text):
        raise SetupError(
            f"the package index could not be reached (looking for {project})\n"
            "  check the network, and what pip uses:  python3 -m pip config list\n"
            "  then run the same command again: finished downloads are kept"
        )


def complaint(text):
    """The lines of pip's output that say what went wrong."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    return "\n".join("  " + line for line in errors[-3:] or text.splitlines()[-3:])
