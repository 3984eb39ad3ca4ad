"""Sets up `.libtorch`, the C++ libraries of PyTorch that the crate tch uses.

They come out of PyTorch's own wheels, which hold the same headers and
libraries as the larger libtorch archives. A libtorch of the user's own, named
by the variable LIBTORCH, is used instead if there is one.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pins
import places
from places import ROOT, SetupError, say

LINK = ROOT / ".libtorch"

# The variable with which the build script of tch skips its version check.
ANY_VERSION = "LIBTORCH_BYPASS_VERSION_CHECK"

# Nothing of Python and nothing of CUDA: the rest runs on the processor.
SKIPPED = re.compile(r"cuda|nvrtc|nvshmem|python")
FROM_NVIDIA = re.compile(r"lib(cudart|cupti)\.so\.\d+$")


def set_up():
    """Makes `.libtorch` point to a usable libtorch."""
    own = Path(os.environ.get("LIBTORCH") or LINK).expanduser()
    if own.resolve() != LINK.resolve():
        use_own(own)
    elif os.environ.get("MLSYS_TORCH") == "cuda":
        use_cuda()
    elif missing_from(LINK):
        use_wheels()


def missing_from(folder):
    """What a folder lacks to be a libtorch, or None."""
    if not folder.is_dir():
        return "the folder itself"
    for needed in ("include/ATen/ATen.h", "include/torch/csrc/api/include/torch/torch.h"):
        if not (folder / needed).exists():
            return needed
    suffix = "dylib" if sys.platform == "darwin" else "so"
    for library in ("torch_cpu", "c10"):
        if not (folder / "lib" / f"lib{library}.{suffix}").exists():
            return f"lib/lib{library}.{suffix}"
    return None


def use_own(folder):
    missing = missing_from(folder)
    if missing:
        raise SetupError(
            f"LIBTORCH={folder} is not a libtorch: {missing} is missing\n"
            f"  name the folder that holds include/ and lib/ of torch {pins.TORCH_VERSION}, or\n"
            "  let this set-up provide one:  unset LIBTORCH"
        )
    version = version_of(folder)
    if version not in (None, pins.TORCH_VERSION) and not os.environ.get(ANY_VERSION):
        raise SetupError(
            f"LIBTORCH={folder} is torch {version}, but {pins.TORCH_VERSION} is needed\n"
            "  let this set-up provide one:  unset LIBTORCH\n"
            f"  or try it all the same:       export {ANY_VERSION}=1"
        )
    point_to(folder.resolve())


def version_of(folder):
    """The version of a libtorch archive or of an installed torch, if it tells."""
    for name in ("build-version", "version.py"):
        file = folder / name
        found = re.search(r"\d+\.\d+\.\d+", file.read_text()) if file.exists() else None
        if found:
            return found[0]
    return None


def point_to(folder):
    changed = LINK.is_symlink() and os.readlink(LINK) != str(folder)
    places.link(LINK, folder)
    if changed and (ROOT / "target").exists():
        # cargo only sees the unchanged path of the link.
        say("libtorch has changed: run `cargo clean -p torch-sys` before the next build")


def use_wheels():
    platform = places.this_platform()
    if platform not in pins.LIBTORCH:
        raise SetupError(
            f"there is no libtorch {pins.TORCH_VERSION} to download for {platform}\n"
            f"  known: {', '.join(pins.LIBTORCH)}\n"
            "  install or build one, then:  export LIBTORCH=/its/folder"
        )
    places.refuse_if_in_the_way(LINK)
    cache = places.cache_folder()
    folder = cache / f"libtorch-{pins.TORCH_VERSION}-{platform}"
    with places.only_one(cache):
        if missing_from(folder):
            build(folder, pins.LIBTORCH[platform], platform)
    point_to(folder)
    mention_gpu()


def build(folder, wheels, platform):
    import download  # Late, so that a set-up with nothing to do starts fast.

    say(f"setting up libtorch {pins.TORCH_VERSION} (once; up to 550 MB to download)")
    if platform in pins.UNTESTED:
        say(f"  note: this has not been tested on {platform}")
    places.need_space(folder.parent, 1300, "libtorch")
    archives = [download.fetch(pin) for pin in wheels]
    with places.built_aside(folder) as aside:
        for archive in archives:
            unpack(archive, aside)
        finish(aside)
        check_libraries(aside / "lib")
    for archive in archives:
        download.release(archive)


def unpack(archive, folder):
    with zipfile.ZipFile(archive) as wheel:
        for member in wheel.infolist():
            place = place_of(member.filename)
            if place:
                target = folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                with wheel.open(member) as source, open(target, "wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)


def place_of(name):
    """Where a file of a wheel goes in the libtorch folder, or None."""
    base = name.rpartition("/")[2]
    if name.startswith("torch/include/") and base:
        return name[len("torch/") :]
    if re.fullmatch(r"torch/lib/[^/]+\.(so|dylib)[.\d]*", name) and not SKIPPED.search(base):
        return f"lib/{base}"
    if name.startswith("nvidia/") and FROM_NVIDIA.fullmatch(base):
        return f"lib/{base}"
    return None


def finish(folder):
    # libtorch.so holds no code: it only pulls in libtorch_cpu.so and, in the
    # Linux wheels, libtorch_cuda.so as well, which is not here. A link to
    # libtorch_cpu.so does the same for a program without CUDA.
    shell = folder / "lib" / "libtorch.so"
    if shell.exists():
        shell.unlink()
        shell.symlink_to("libtorch_cpu.so")
    # The build script of tch compares this file to the version it was made for.
    (folder / "build-version").write_text(pins.TORCH_VERSION + "\n")


def check_libraries(folder):
    """Every library must find all it needs here or in the system."""
    if not sys.platform.startswith("linux") or not shutil.which("ldd"):
        return
    environment = {**os.environ, "LD_LIBRARY_PATH": "", "LC_ALL": "C"}
    for library in sorted(folder.iterdir()):
        finished = subprocess.run(
            ["ldd", str(library)], capture_output=True, text=True, env=environment
        )
        problems = [
            line.strip()
            for line in (finished.stdout + finished.stderr).splitlines()
            if "not found" in line
        ]
        if problems or finished.returncode:
            raise SetupError(
                f"{library.name} cannot be loaded on this system: "
                f"{'; '.join(problems) or finished.stderr.strip()}\n"
                "  it needs glibc 2.28 or later and libstdc++:  sudo apt-get install g++"
            )


def use_cuda():
    """Installs the whole torch, with CUDA, in an environment of its own.

    Not tested on a GPU by our tests. The libraries of torch find those of
    NVIDIA by their place beside them, so nothing is taken apart here.
    """
    import environment

    if places.this_platform() not in ("linux-x86_64", "linux-arm64"):
        raise SetupError("MLSYS_TORCH=cuda is for Linux only\n  unset MLSYS_TORCH")
    places.refuse_if_in_the_way(LINK)
    cache = places.cache_folder()
    home = cache / f"torch-cuda-{pins.TORCH_VERSION}"
    torch = environment.packages(home) / "torch"
    with places.only_one(cache):
        if missing_from(torch):
            say(f"setting up torch {pins.TORCH_VERSION} with CUDA (once; about 3 GB to download)")
            places.need_space(cache, 9000, "torch with CUDA")
            environment.create(home, [f"torch=={pins.TORCH_VERSION}"])
    (torch / "build-version").write_text(pins.TORCH_VERSION + "\n")
    point_to(torch)


def mention_gpu():
    if Path("/dev/nvidia0").exists():
        say(
            "  note: this libtorch does not use the NVIDIA GPU of this machine; to use it,\n"
            "  set LIBTORCH to an installed torch with CUDA, or run again with MLSYS_TORCH=cuda"
        )
