"""Libraries of C that cargo's packages are built with: OpenSSL and zlib, for Kafka's client."""

import subprocess
import sys

import system

# A header, and Debian's package of it.
HEADERS = {"openssl/ssl.h": "libssl-dev", "zlib.h": "zlib1g-dev"}


def set_up():
    if sys.platform.startswith("linux"):
        system.need([package for header, package in HEADERS.items() if not has(header)], "the streams")


def has(header):
    """Whether the C compiler finds a header."""
    finished = subprocess.run(
        ["cc", "-E", "-x", "c", "-"], input=f"#include <{header}>\n", capture_output=True, text=True
    )
    return finished.returncode == 0
