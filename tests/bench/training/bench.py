"""Training: a multi-layer perceptron on a million rows of 50 numbers, against PyTorch.

The peer is plain PyTorch in two forms: tensors shuffled by index, which is the fastest loop, and a `DataLoader`, as most
code is written. Both sides train 2 epochs with the same layers, loss, optimiser and batch; the rate is that of the rows
of the epochs, without reading.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from measuring import TARGET, TIMES, below, line

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PYTHON = ROOT / ".torchenv" / "bin" / "python"
PEER = HERE / "peers.py"
MLSYSD = TARGET / "release" / "mlsysd"
FOLDER = TARGET / "bench" / "training"
INPUTS = 50


def figures():
    if not PYTHON.exists():
        sys.exit("error: PyTorch is missing: `python3 .setup torchenv` installs it (2 GB to download)")
    make()
    found = {"ours": [], "sliced": [], "dataloader": []}
    for _ in range(TIMES):
        found["ours"].append(ours())
        for form in ("sliced", "dataloader"):
            found[form].append(peer(form))
    rate = {name: median(run["rows_per_s"] for run in runs) for name, runs in found.items()}
    loss = {name: median(run["loss"] for run in runs) for name, runs in found.items()}
    yield quicker("training.sliced", rate["ours"], rate["sliced"], 1.3)
    yield quicker("training.dataloader", rate["ours"], rate["dataloader"], 6)
    yield below("training.loss", loss["ours"] / loss["sliced"], 1.05, "")
    yield below("training.first_step", median(run["first_step"] for run in found["ours"]), 2, "s")


def quicker(name, ours, theirs, goal):
    """How many times as many rows a second ours learns from."""
    return line(name, f"{ours / 1e6:.3f}M/s", f"{theirs / 1e6:.3f}M/s", ours / theirs, f">={goal:g}", ours >= goal * theirs)


def make():
    """The rows, and the same rows with the columns that examples have."""
    if (FOLDER / "job.json").exists():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([PYTHON, PEER, "gen", FOLDER], check=True)
    subprocess.run([PYTHON, HERE / "examples.py", FOLDER], check=True)
    (FOLDER / "job.json").write_text(json.dumps(job()))


def job():
    """What `mlsysc run` asks a worker for."""
    inputs = [{"name": f"x{number}", "type": "float32"} for number in range(INPUTS)]
    hidden = {"list": [{"int": 128}, {"int": 64}]}
    return {
        "train": {
            "model": "bench",
            "task": "binary",
            "label": "y",
            "inputs": inputs,
            "impute": None,
            "learner": {"name": "mlp", "args": {"hidden": hidden, "dropout": {"float": 0.0}}},
            "training": {
                "optimizer": {"name": "adam", "args": {"lr": {"float": 1e-3}}},
                "epochs": 2,
                "batch": 1024,
                "stop_early": None,
                "seed": 0,
            },
            "gates": [],
        },
        "examples": [[str(FOLDER / "examples.parquet")]],
        "output": str(FOLDER / "model"),
        "threads": None,
    }


def ours():
    """Our rate, the loss of the last epoch, and the seconds from the start of the process until its first step begins."""
    shutil.rmtree(FOLDER / "model", ignore_errors=True)
    started, first_step, loss = time.perf_counter(), None, None
    worker = subprocess.Popen([MLSYSD, "train", FOLDER / "job.json"], stdout=subprocess.PIPE, text=True)
    for text in worker.stdout:
        event = json.loads(text)
        if event["event"] == "ready":
            first_step = time.perf_counter() - started
        if event["event"] == "epoch":
            loss = event["loss"]
    if worker.wait() != 0:
        sys.exit("error: the worker failed")
    report = json.loads((FOLDER / "model" / "report.json").read_text())
    return {"rows_per_s": report["rows_per_second"], "loss": loss, "first_step": first_step}


def peer(form):
    output = subprocess.run([PYTHON, PEER, form, FOLDER], check=True, capture_output=True, text=True).stdout
    return json.loads(output)
