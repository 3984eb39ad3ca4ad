"""Checks the tools that have to be installed before anything can be built."""

import os
import re
import shutil
import subprocess
import sys

import index
from places import ROOT, SetupError


def set_up():
    """Names every missing tool at once, each with the command that installs it."""
    problems = [*rust_problems(), *compiler_problems(), *pip_problems()]
    if problems:
        raise SetupError("some tools are missing\n" + "\n".join(problems))


def rust_problems():
    if not shutil.which("cargo") or not shutil.which("rustc"):
        yield "  cargo (Rust): install it from https://rustup.rs, then open a new terminal"
        return
    finished = subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=ROOT)
    installed = re.search(r"(\d+)\.(\d+)", finished.stdout)
    needed = needed_rust()
    if not installed:
        yield "  rustc does not start:  rustup default stable\n    " + finished.stderr.strip()
    elif needed and tuple(map(int, installed.groups())) < needed:
        version = ".".join(map(str, needed))
        yield f"  Rust {version} or later (this is {installed[0]}):  rustup update stable"


def needed_rust():
    """The oldest Rust that the workspace declares to build with, if it does."""
    manifest = ROOT / "Cargo.toml"
    text = manifest.read_text() if manifest.exists() else ""
    declared = re.search(r'^rust-version = "(\d+)\.(\d+)', text, re.MULTILINE)
    return tuple(map(int, declared.groups())) if declared else None


def compiler_problems():
    """The crate torch-sys compiles C++, and Rust links with the C compiler."""
    if sys.platform == "darwin":
        install = "xcode-select --install"
    else:
        install = "sudo apt-get install gcc g++"
    if not shutil.which("cc"):
        yield f"  cc (a C compiler and linker):  {install}"
    if not shutil.which(os.environ.get("CXX", "c++").split()[0]):
        yield f"  c++ (a C++ compiler):  {install}"


def pip_problems():
    try:
        index.require_pip()
    except SetupError as error:
        yield f"  {error}"
