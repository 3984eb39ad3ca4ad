"""Sets up `.torchenv`, a Python environment with PyTorch: the peer of the training
benchmark, and of modules that go there and back.
"""

import packages


def set_up():
    packages.set_up("torchenv", "PyTorch for Python", download=2100, space=6000)
