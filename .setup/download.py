"""Downloads one pinned file: with progress, resumable, and always verified.

An interrupted download leaves `<name>.part`, and the next run goes on from
there. A file that does not have the pinned sha256 is deleted, never used.
"""

import errno
import hashlib
import http.client
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

import index
from places import SetupError, cache_folder, discard, say

BLOCK = 1 << 20
ATTEMPTS = 5
SMALL = 50_000_000  # a file that needs no intermediate lines in a log


def fetch(pin):
    """The path of the verified file, downloaded unless it is there already."""
    folder = cache_folder() / "downloads"
    folder.mkdir(exist_ok=True)
    path = folder / pin.name
    if path.exists() and sha256(path) == pin.sha256:
        return path
    discard(path)

    part = folder / (pin.name + ".part")
    url = index.locate(pin)
    # pip hides passwords in what it logs: such an address is of no use here.
    if url and "****" not in url and ranged_download(url, part, label(pin)):
        part.rename(path)
    else:
        say(f"  {label(pin)}: pip downloads it (no resuming)")
        index.download(pin, folder)
        discard(part)
    verify(path, pin)
    return path


def label(pin):
    return f"{pin.project} {pin.version}"


def release(path):
    """Deletes a downloaded file that is no longer needed."""
    if os.environ.get("MLSYS_KEEP_DOWNLOADS") != "1":
        discard(path)


def verify(path, pin):
    found = sha256(path)
    if found != pin.sha256:
        discard(path)
        raise SetupError(
            f"{pin.name} is not the file that was expected; it has been deleted\n"
            f"  sha256 expected {pin.sha256}\n"
            f"  sha256 received {found}\n"
            "  run the same command again; if it repeats, the package index serves another file"
        )


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def ranged_download(url, part, name):
    """Fills `part` from where it ends. False when the server refuses us."""
    opener = build_opener()
    for attempt in range(ATTEMPTS):
        try:
            continue_download(opener, url, part, name)
            return True
        except urllib.error.HTTPError as error:
            if error.code == 416:  # `part` does not fit the file: start again
                discard(part)
            elif error.code < 500:
                return False
        except OSError as error:
            refuse_if_full(error, part)
            if isinstance(getattr(error, "reason", None), ssl.SSLError):
                return False
        except (http.client.HTTPException, EOFError):
            pass
        if attempt + 1 < ATTEMPTS:
            time.sleep(2**attempt)
    raise SetupError(
        f"the download of {name} stopped {ATTEMPTS} times\n"
        "  check the network and run the same command again: it goes on from where it stopped"
    )


def continue_download(opener, url, part, name):
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "mlsys-setup"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    with opener.open(request, timeout=60) as answer:
        if answer.status != 206:  # the server sends the file from its beginning
            done = 0
        total = done + int(answer.headers.get("Content-Length") or 0)
        progress = Progress(name, done, total)
        with open(part, "ab" if done else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                progress.add(len(block))
        progress.close()
    if part.stat().st_size < total:
        raise EOFError("the connection was closed early")


def refuse_if_full(error, part):
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise SetupError(
            f"the disk is full: {part.parent}\n"
            "  free some space, or choose another disk:  export MLSYS_CACHE=/some/folder"
        )


def build_opener():
    """An opener that uses the certificate and the proxy pip is told to use."""
    context = ssl.create_default_context(cafile=certificates())
    handlers = [urllib.request.HTTPSHandler(context=context)]
    proxy = index.setting("proxy")
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    return urllib.request.build_opener(*handlers)


def certificates():
    configured = index.setting("cert")
    if configured or os.environ.get("SSL_CERT_FILE"):
        return configured
    try:  # Some Pythons on macOS know no certificates, but pip brings its own.
        from pip._vendor import certifi
    except ImportError:
        return None
    return certifi.where()


class Progress:
    """One line that is rewritten on a terminal, else a line every tenth."""

    def __init__(self, name, done, total):
        self.name, self.done, self.total = name, done, total
        self.live = sys.stderr.isatty()
        self.shown = done * 10 // total if total else 0
        self.time = 0.0
        if done:
            say(f"  {name}: goes on at {done / 1e6:.0f} MB")

    def add(self, count):
        self.done += count
        if self.live and time.monotonic() - self.time > 0.1:
            self.time = time.monotonic()
            print(f"\r  {self.text()}", end="", file=sys.stderr, flush=True)
        tenth = self.done * 10 // self.total if self.total else 0
        if not self.live and self.total > SMALL and tenth > self.shown:
            self.shown = tenth
            say(f"  {self.text()}")

    def close(self):
        if self.live:
            say(f"\r  {self.text()}")
        elif self.total <= SMALL:
            say(f"  {self.text()}")

    def text(self):
        if not self.total:
            return f"{self.name}  {self.done / 1e6:.0f} MB"
        share = 100 * self.done // self.total
        return f"{self.name}  {share:3d}%  {self.done / 1e6:.0f} of {self.total / 1e6:.0f} MB"
