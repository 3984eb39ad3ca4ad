"""Sets up `.testenv`, a Python environment with the packages that the tests
compare our results with. Compiled programs never use it.
"""

import packages


def set_up():
    packages.set_up("testenv", "the test environment", download=170, space=900)
