"""Sets up `.interopenv`, a Python environment with the services and clients
of others with which `make interop` looks at what we keep.
"""

import packages


def set_up():
    packages.set_up("interopenv", "the environment of other programs", download=180, space=900)
