"""Sets up `.benchenv`, a Python environment with the programs that the
benchmarks compare ours with.
"""

import packages


def set_up():
    packages.set_up("benchenv", "the benchmarks' environment", download=180, space=900)
