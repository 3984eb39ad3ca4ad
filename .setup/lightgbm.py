"""Sets up `.lightgbm`, the library that grows trees, out of LightGBM's own wheel.

A library of the user's own, named by the variable MLSYS_LIGHTGBM, is used
instead if there is one.
"""

import os
import zipfile

import pins
import places
from places import ROOT, say

LINK = ROOT / ".lightgbm"


def set_up():
    """Makes `.lightgbm` point to a folder with the library."""
    if os.environ.get("MLSYS_LIGHTGBM") or any(LINK.glob("lib_lightgbm.*")):
        return
    platform = places.this_platform()
    if platform not in pins.LIGHTGBM:
        # Everything but trees works without it.
        say(f"there is no LightGBM to download for {platform}: to grow trees, install it and name")
        say("  its library:  export MLSYS_LIGHTGBM=/its/lib_lightgbm.so")
        return
    cache = places.cache_folder()
    home = cache / f"lightgbm-{pins.LIGHTGBM_VERSION}-{platform}"
    with places.only_one(cache):
        if not home.is_dir():
            unpack(pins.LIGHTGBM[platform], home)
    places.link(LINK, home)


def unpack(pin, home):
    import download  # Late, so that a set-up with nothing to do starts fast.

    say(f"setting up LightGBM {pins.LIGHTGBM_VERSION} (once; 4 MB to download)")
    beside = home.with_name(home.name + ".new")
    places.discard(beside)
    beside.mkdir()
    with zipfile.ZipFile(download.fetch(pin)) as wheel:
        for name in wheel.namelist():
            if name.startswith("lightgbm/lib/lib_lightgbm.") or name.endswith("/LICENSE"):
                (beside / os.path.basename(name)).write_bytes(wheel.read(name))
    beside.rename(home)
