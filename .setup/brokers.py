"""Servers of streams that the checks beside other programs start on this machine, and end: NATS."""

import shutil

import system

# A program, and Debian's package of it.
PROGRAMS = {"nats-server": "nats-server"}


def set_up():
    system.need([package for program, package in PROGRAMS.items() if not shutil.which(program)], "the checks")
