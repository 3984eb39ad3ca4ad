"""Modules of PyTorch that go there and back: `.torchenv/bin/python tests/interop/torchscript.py PATH/TO/mlsysc`.

PyTorch scripts two modules, `mlsysc run` trains them and scores rows, and PyTorch loads what has become of them: it answers as
was scored, has learnt what its own optimiser learns, and trains on. It ends by saying what it has seen, or with the first thing
that is not as it should be.
"""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

ROWS, LEARNT, EPOCHS, RATE = 1200, 900, 6, 0.05

PROGRAM = """
source readings {
  from csv("readings.csv")
  schema {
    reading_id: int64
    read_at:    timestamp
    left:       float64
    right:      float64
    level:      float64
    is_high:    bool
  }
  time read_at
  key  reading_id
}

model level {
  observe readings
  label   level
  inputs  { left, right }
  encode  left with raw
  encode  right with raw
  split   time(validate: @2024-02-07T12:00:00Z, test: @2024-02-10)
  learn   torchscript("level.pt")
  train {
    optimizer sgd(lr: RATE, momentum: 0.9)
    epochs    EPOCHS
    batch     100_000
  }
  require test.mae <= 1_000_000
}

model high {
  observe readings
  label   is_high
  inputs  { left, right }
  encode  left with raw
  encode  right with raw
  split   time(validate: @2024-02-07T12:00:00Z, test: @2024-02-10)
  learn   torchscript("high.pt")
  train {
    optimizer adam(lr: 0.01)
    epochs    20
    batch     128
    stop_early(on: validate.auc, patience: 5)
  }
  require test.auc >= 0.9
}

deployment levels {
  model level
  score readings every 1d at 02:00
  into  csv("out/levels.csv")
}

deployment highs {
  model high
  score readings every 1d at 02:00
  into  csv("out/highs.csv")
}
""".replace("RATE", str(RATE)).replace("EPOCHS", str(EPOCHS))


class Level(nn.Module):
    """Normalised, so that there are running means; one number a row, and one parameter that is not learnt."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 16)
        self.norm = nn.BatchNorm1d(16)
        self.last = nn.Linear(16, 1)
        self.unit = nn.Parameter(torch.tensor(2.0), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.norm(self.first(x)))).squeeze(1) * self.unit


class High(nn.Module):
    """What only a script can say: a loop, a branch, dropout, and a method of its own."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 32), nn.Linear(32, 32)])
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.inner(x))

    @torch.jit.export
    def inner(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x))
            if x.shape[1] == 32:
                x = self.drop(x)
        return x


def main(mlsysc):
    torch.manual_seed(7)
    level, high = torch.jit.script(Level()), torch.jit.script(High())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "readings.mlsys").write_text(PROGRAM)
        missing(mlsysc, folder)
        level.save(str(folder / "level.pt"))
        high.save(str(folder / "high.pt"))
        rows = readings()
        write(folder / "readings.csv", rows)
        record = run(mlsysc, folder)
        check(all(model["version"] == 1 for model in record["models"]), f"both are registered: {record['models']}")
        back = {name: exported(mlsysc, folder, name) for name in ("level", "high")}
        answers_alike(back["level"], rows, scored(folder / "out/levels.csv"), lambda answer: answer)
        answers_alike(back["high"], rows, scored(folder / "out/highs.csv"), torch.sigmoid)
        learns_alike(torch.jit.load(str(folder / "level.pt")), back["level"], rows)
        goes_on(back["high"], rows)
        outcomes = {node["outcome"] for node in run(mlsysc, folder)["nodes"] if node["node"].startswith("train.")}
        check(outcomes == {"current"}, f"what was trained is current: {outcomes}")
        another_file(mlsysc, folder)
    print("interop torchscript: fine")


def missing(mlsysc, folder):
    """A file that is not there is told before anything is made."""
    write(folder / "readings.csv", readings())
    code, text = call(mlsysc, folder, "run")
    text = " ".join(text.replace("│", " ").split())
    check(code == 1 and "E0935" in text and "`level.pt` is not there" in text, text)


def another_file(mlsysc, folder):
    """Another module under the same name is another training; the other model is as it was."""
    torch.jit.script(Level()).save(str(folder / "level.pt"))
    nodes = {node["node"]: node["outcome"] for node in run(mlsysc, folder)["nodes"]}
    check(nodes["train.level"] == "done" and nodes["train.high"] == "current", f"only `level` is trained: {nodes}")


def answers_alike(module, rows, scores, prediction):
    """Python's answer to each row is what was scored."""
    check(len(scores) == len(rows), f"every row is scored: {len(scores)}")
    with torch.no_grad():
        answers = prediction(module(matrix(rows)).double()).flatten().tolist()
    worst = max(abs(answer - scores[row["reading_id"]]) for row, answer in zip(rows, answers))
    check(worst < 1e-6, f"answers differ by {worst}")
    check(not module.training, "it is in evaluation mode")
    print(f"  {len(rows)} answers differ by {worst:.1e} at most")


def learns_alike(module, back, rows):
    """Batches are the whole training part: each epoch is a step, and PyTorch's own steps lead to the same place."""
    module.train()
    inputs = matrix(rows[:LEARNT])
    targets = torch.tensor([row["level"] for row in rows[:LEARNT]], dtype=torch.float64).float()
    optimizer = torch.optim.SGD([each for each in module.parameters() if each.requires_grad], lr=RATE, momentum=0.9)
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        nn.functional.mse_loss(module(inputs), targets).backward()
        optimizer.step()
    own, found = module.state_dict(), back.state_dict()
    check(own.keys() == found.keys(), f"it has the same tensors: {found.keys()}")
    worst = max((own[name].double() - found[name].double()).abs().max().item() for name in own)
    check(worst < 1e-4, f"what was learnt differs by {worst}")
    check(found["norm.num_batches_tracked"].item() == EPOCHS, "running means are of all steps")
    check(found["unit"].item() == 2.0 and not back.unit.requires_grad, "what was fixed is fixed")
    print(f"  {EPOCHS} steps of stochastic gradient descent lead to within {worst:.1e} of PyTorch's")


def goes_on(module, rows):
    """What comes back can be trained on, and has its methods."""
    check(module.inner(matrix(rows[:3])).shape == (3, 32), "it has its methods")
    inputs, targets = matrix(rows), torch.tensor([[float(row["is_high"])] for row in rows])
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(module(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    check(losses[-1] < losses[0], f"it learns on: {losses[0]} {losses[-1]}")


def readings():
    """Two numbers, and what follows from them; one reading an hour."""
    rows = []
    for number in range(ROWS):
        left = number * 7919 % 10_007 / 5003.5 - 1
        right = number * 104_729 % 9973 / 4986.5 - 1
        level = 3 * math.sin(2 * left) - right * left
        rows.append({"reading_id": number, "left": left, "right": right, "level": level, "is_high": level > 0.5})
    return rows


def write(path, rows):
    lines = ["reading_id,read_at,left,right,level,is_high"]
    for row in rows:
        day, hour = divmod(row["reading_id"], 24)
        month, day = (1, day + 1) if day < 31 else (2, day - 30)
        at = f"2024-{month:02}-{day:02}T{hour:02}:00:00Z"
        values = [row["reading_id"], at, repr(row["left"]), repr(row["right"]), repr(row["level"]), str(row["is_high"]).lower()]
        lines.append(",".join(str(value) for value in values))
    path.write_text("\n".join(lines) + "\n")


def matrix(rows):
    return torch.tensor([[row["left"], row["right"]] for row in rows], dtype=torch.float64).float()


def scored(path):
    with path.open(newline="") as file:
        return {int(row["reading_id"]): float(row["prediction"]) for row in csv.DictReader(file)}


def exported(mlsysc, folder, name):
    code, text = call(mlsysc, folder, "models", "export", f"{name}@1", f"kept-{name}")
    check(code == 0, text)
    return torch.jit.load(str(folder / f"kept-{name}" / "model.pt"))


def run(mlsysc, folder):
    code, text = call(mlsysc, folder, "run", "--json", streams="apart")
    check(code == 0, text)
    return json.loads(text)


def call(mlsysc, folder, *arguments, streams="together"):
    environment = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run([mlsysc, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    failed = streams == "together" or done.returncode != 0
    return done.returncode, done.stdout + done.stderr if failed else done.stdout


def check(holds, what):
    if not holds:
        sys.exit(f"error: {what}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: torchscript.py PATH/TO/mlsysc")
    main(Path(sys.argv[1]).resolve())
