"""Checking a project of 10,000 features: cold, and after one line has changed. There is no peer: the goals are times."""

import re
import subprocess

from measuring import TARGET, below


def figures():
    output = subprocess.run([TARGET / "release/examples/check"], check=True, capture_output=True, text=True).stdout
    cold = float(re.search(r"cold: ([\d.]+) ms", output)[1])
    means = [float(found) for found in re.findall(r"mean ([\d.]+) ms", output)]
    slowest = [float(found) for found in re.findall(r"slowest ([\d.]+) ms", output)]
    memory = float(re.search(r"memory: ([\d.]+) MiB", output)[1])
    yield below("check.cold", cold, 1000, "ms")
    yield below("check.edit", max(means), 10, "ms")
    yield f"note check.edit slowest of 100: {max(slowest):.1f} ms"
    yield below("check.memory", memory, 300, "MiB")
