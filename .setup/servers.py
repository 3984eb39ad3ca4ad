"""Servers that tests start on this machine, and end: Redis."""

import shutil

import system

# A program, and Debian's package of it.
PROGRAMS = {"redis-server": "redis-server"}


def set_up():
    system.need([package for program, package in PROGRAMS.items() if not shutil.which(program)], "the tests")
