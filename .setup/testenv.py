"""Sets up `.testenv`, a Python environment with the packages that the tests
compare our results with, and the PostgreSQL server that they keep a registry
in. Compiled programs never use it.
"""

import packages


def set_up():
    packages.set_up("testenv", "the test environment", download=185, space=950)
