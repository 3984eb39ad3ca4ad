"""Where things are kept, and the few helpers that every set-up step shares.

Large files live in one cache folder outside the repository, so that several
clones share them and `git clean` does not throw them away. The repository only
holds symbolic links into that folder.
"""

import contextlib
import os
import platform
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class SetupError(Exception):
    """Something the user can act on: its text is shown without a traceback."""


def cache_folder():
    """The cache folder; it is created on first use."""
    chosen = os.environ.get("MLSYS_CACHE")
    if chosen:
        folder = Path(chosen).expanduser().resolve()
    elif os.environ.get("XDG_CACHE_HOME"):
        folder = Path(os.environ["XDG_CACHE_HOME"], "mlsys")
    else:
        folder = Path.home() / ".cache" / "mlsys"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"cannot create the cache folder {folder}: {error.strerror}\n"
            "  choose another one:  export MLSYS_CACHE=/some/folder"
        )
    return folder


def this_platform():
    """The operating system and processor, as in `linux-x86_64`."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)
    system = {"linux": "linux", "darwin": "macos"}.get(sys.platform, sys.platform)
    return f"{system}-{machine}"


def say(text):
    """One line for the user. Standard output stays free for programs."""
    print(text, file=sys.stderr, flush=True)


def link(place, target):
    """Makes `place` a symbolic link to `target`, replacing an older link only."""
    refuse_if_in_the_way(place)
    if place.is_symlink():
        if os.readlink(place) == str(target):
            return
        place.unlink()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def refuse_if_in_the_way(place):
    """Only a link is ever replaced: a file or a folder belongs to the user."""
    if place.exists() and not place.is_symlink():
        raise SetupError(
            f"{place} exists and is not a link made by this set-up: it is left alone\n"
            "  move it away and run the same command again"
        )


@contextlib.contextmanager
def built_aside(final):
    """Gives a temporary sibling of `final` to fill, then renames it into place.

    A set-up that is stopped half-way therefore never leaves a folder that
    looks finished.
    """
    aside = final.with_name(final.name + ".partial")
    discard(aside)
    aside.mkdir(parents=True)
    try:
        yield aside
    except BaseException:
        discard(aside)
        raise
    discard(final)
    aside.rename(final)


def discard(path):
    """Removes a folder, a file or a link; a missing one is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


@contextlib.contextmanager
def only_one(folder):
    """Makes a second set-up that uses the same cache wait for the first."""
    import fcntl

    with open(folder / ".lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another set-up is using the cache: waiting for it to finish")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def need_space(folder, megabytes, purpose):
    """Stops early, with a clear message, when the disk is too full."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise SetupError(
            f"{purpose} needs {megabytes} MB in {folder}, where {free} MB are free\n"
            "  free some space, or choose another disk:  export MLSYS_CACHE=/some/folder"
        )
