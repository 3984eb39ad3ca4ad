"""Streams: payments as JSON lines and from a Kafka-protocol broker into the windows of the fraud program."""

import json
import os
import shutil
import subprocess
from statistics import median

from measuring import MLSYSC, ROOT, TARGET, TIMES, below, line

FOLDER = TARGET / "bench" / "live"
LIVE = TARGET / "release" / "examples" / "live"
BROKER = ROOT / "tests" / "broker"
ROWS = {"file": 3_000_000, "kafka": 1_500_000}
GOALS = {"file": 300_000, "kafka": 100_000}


def figures():
    plan = built()
    for way in GOALS:
        runs = [once(plan, way) for _ in range(TIMES)]
        rate = median(run["rows_per_s"] for run in runs)
        goal = GOALS[way]
        yield line(f"live.{way}", f"{rate / 1e3:.0f}k/s", f"{goal / 1e3:.0f}k/s", rate / goal, ">=1", rate >= goal)
        yield below(f"live.{way}.p99", median(run["p99_ms"] for run in runs), 50, "ms")


def built():
    """The plan of the fraud program."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "examples" / "fraud" / "fraud.mlsys", FOLDER)
    subprocess.run([MLSYSC, "build", FOLDER], check=True, capture_output=True)
    return next(path for path in (FOLDER / "build").iterdir() if "plan" in path.name and path.is_file())


def once(plan, way):
    folder = FOLDER / way
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if way == "file":
        return measured([LIVE, plan, folder, way, ROWS[way]])
    with subprocess.Popen([broker()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip()
            topic(address)
            return measured([LIVE, plan, folder, way, ROWS[way], address])
        finally:
            process.kill()


def measured(command):
    output = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(output.stdout)


def broker():
    """The broker's program, which is built once."""
    if "MLSYS_TEST_BROKER" in os.environ:
        return os.environ["MLSYS_TEST_BROKER"]
    manifest = ["--manifest-path", str(BROKER / "Cargo.toml"), "--target-dir", str(BROKER / "target")]
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked", *manifest], check=True)
    return BROKER / "target" / "release" / "mlsys-test-broker"


def topic(address):
    python = ROOT / ".benchenv" / "bin" / "python"
    script = (
        "import sys; from confluent_kafka.admin import AdminClient, NewTopic\n"
        "admin = AdminClient({'bootstrap.servers': sys.argv[1]})\n"
        "[future.result() for future in admin.create_topics([NewTopic('payments', 4, 1)]).values()]"
    )
    subprocess.run([python, "-c", script, address], check=True)
