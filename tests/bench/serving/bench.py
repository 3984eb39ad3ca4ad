"""Serving: one stored group of 15 values, 5 values of the request, an MLP of 128 and 64, against what most teams would
write: FastAPI, PyTorch and Redis, in two processes. Both are asked by `wrk` on this machine, in turn.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from statistics import median

from measuring import MLSYSC, TARGET, TIMES, below, line

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PYTHON = ROOT / ".torchenv" / "bin" / "python"
FOLDER = TARGET / "bench" / "serving"
SECONDS = 8


def figures():
    for program in ("wrk", "redis-server"):
        if not shutil.which(program):
            sys.exit(f"error: {program} is missing:  sudo apt-get install {program}")
    if not PYTHON.exists():
        sys.exit("error: PyTorch is missing: `python3 .setup torchenv` installs it (2 GB to download)")
    make()
    found = {"embedded": [], "redis": [], "peer": []}
    for _ in range(TIMES):
        found["embedded"].append(ours("default"))
        found["redis"].append(ours("redis"))
        found["peer"].append(peer())
    rate = {name: median(run[0] for run in runs) for name, runs in found.items()}
    tail = {name: median(run[1] for run in runs) for name, runs in found.items()}
    for store in ("embedded", "redis"):
        ratio = rate[store] / rate["peer"]
        yield line(f"serving.{store}", f"{rate[store]:.0f}/s", f"{rate['peer']:.0f}/s", ratio, ">=5", ratio >= 5)
        yield below(f"serving.{store}.p99", tail[store], 5, "ms")
    yield f"note serving.peer.p99 {tail['peer']:.1f} ms"


def make():
    """A project with 100,000 entities, and a trained model."""
    if (FOLDER / ".mlsys").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "serving.mlsys", FOLDER)
    (FOLDER / "values.ndjson").write_text("")
    subprocess.run([PYTHON, HERE / "rows.py", FOLDER], check=True)
    subprocess.run([MLSYSC, "run", FOLDER], check=True, capture_output=True)


def ours(profile):
    with contextlib.ExitStack() as stack:
        port = free()
        (FOLDER / "mlsys.toml").write_text(f'[profile.default]\n[profile.redis]\nonline = "redis://127.0.0.1:{port}/0"\n')
        if profile == "redis":
            stack.enter_context(server(["redis-server", "--port", port, "--save", "", "--bind", "127.0.0.1"]))
        answers = free()
        command = [MLSYSC, "serve", FOLDER, "--profile", profile, "--set", f"port={answers}"]
        stack.enter_context(server(command))
        wait(f"http://127.0.0.1:{answers}/health/ready")
        return asked(f"http://127.0.0.1:{answers}/v1/bench/predict", HERE / "ours.lua")


def peer():
    redis, port = free(), free()
    with server(["redis-server", "--port", redis, "--save", "", "--bind", "127.0.0.1"]):
        time.sleep(0.5)
        subprocess.run([PYTHON, HERE / "fastapi_peer.py", "fill", str(redis), "100000"], check=True)
        command = [PYTHON, "-m", "uvicorn", "fastapi_peer:app", "--workers", 2, "--port", port, "--log-level", "error"]
        with server(command, cwd=HERE, REDIS_PORT=str(redis)):
            wait(f"http://127.0.0.1:{port}/docs")
            return asked(f"http://127.0.0.1:{port}/predict", HERE / "peer.lua")


def asked(url, script):
    """Requests a second, and the 99th percentile in milliseconds."""
    command = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "--latency", "-s", script, url]
    run = lambda: subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    run()
    text = run()
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"error: requests failed\n{text}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    amount, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return rate, float(amount) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


@contextlib.contextmanager
def server(command, cwd=None, **environment):
    """A server that ends with the block."""
    log = open(FOLDER / "log.txt", "a")
    command = [str(part) for part in command]
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=cwd, env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def wait(url):
    for _ in range(600):
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(url, timeout=1).status == 200:
                return
        time.sleep(0.1)
    sys.exit(f"error: {url} does not answer\n{(FOLDER / 'log.txt').read_text()[-2000:]}")


def free():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
