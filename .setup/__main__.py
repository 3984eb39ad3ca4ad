"""Sets up what cargo does not: `python3 .setup STEP...` or `… all`.

Each step does nothing, quickly, when its result is there already. Step by
step, `tools` checks the installed tools, `libraries` those of C, `libtorch` provides the libraries of
PyTorch, `lightgbm` the one that grows trees, `flights` and `payments` the data
of the examples, and `testenv` the Python packages with which the tests compare
results.
"""

import importlib
import os
import sys

STEPS = (
    "tools",
    "libraries",
    "libtorch",
    "lightgbm",
    "flights",
    "testenv",
    "servers",
    "payments",
    "benchenv",
    "interopenv",
    "torchenv",
    "brokers",
)


def main(arguments):
    if sys.version_info < (3, 9):
        sys.exit("error: Python 3.9 or later is needed; this is " + sys.version.split()[0])
    steps = STEPS if arguments == ["all"] else arguments
    unknown = [step for step in steps if step not in STEPS]
    if unknown or not steps:
        print(f"usage: python3 .setup {'|'.join(STEPS)}|all", file=sys.stderr)
        return 2
    for step in steps:
        importlib.import_module(step).set_up()
    return 0


def guarded_main(arguments):
    """Runs `main` and turns every failure into a message, without a traceback."""
    from places import SetupError

    try:
        return main(arguments)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    except SetupError as error:
        if os.environ.get("MLSYS_DEBUG") == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
    except Exception as error:
        if os.environ.get("MLSYS_DEBUG") == "1":
            raise
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        print("  for the details, run it again with MLSYS_DEBUG=1", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(guarded_main(sys.argv[1:]))
