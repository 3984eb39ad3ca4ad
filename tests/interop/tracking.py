"""Experiment tracking with MLflow: `.interopenv/bin/python tests/interop/tracking.py PATH/TO/mlsysc PATH/TO/tell`.

A server of MLflow runs on a free port of this machine, in a folder that goes away. First `tell`, an example of the room
`runtime/tracking`, sends what no small project comes to: a long training, trials, names that MLflow refuses, large files.
Then runs of a small project tell of their trainings, versions and aliases. MLflow's own client looks at what has arrived. It
ends by saying what it has seen, or with the first thing that is not as it should be.

It is not called mlflow.py: Python would take it for the client.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import ViewType

SECRET = "token-of-nobody"

PROGRAM = """
entity customer {{ customer_id: int64 }}

source payments {{
  from csv("day-*.csv")
  schema {{
    payment_id:  int64
    paid_at:     timestamp
    customer_id: int64
    amount:      float64
    is_fraud:    bool known at settled_at
  }}
  derive {{ settled_at = paid_at + 1h }}
  time paid_at
  key  payment_id
}}

features spend for customer from payments {{
  payments = count() over [1d, 3d]
  mean     = mean(amount) over 3d
}}

model fraud {{
  observe payments
  label   is_fraud
  inputs {{
    amount
    spend.*
  }}
  impute median with indicator
  split time(validate: @2024-01-05, test: @2024-01-07)
  learn mlp(hidden: [8])
  train {{
    optimizer adam(lr: 0.02)
    epochs    3
    batch     64
    seed      {seed}
  }}
  require test.auc >= {least}
}}
"""


def main(mlsysc, tell):
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with server(folder, free_port()) as address:
            client = MlflowClient(address)
            what_is_large(folder, tell, address, client)
            a_deleted_experiment(folder, tell, address, client)
            project = Project(folder / "fraud", mlsysc, address)
            first = a_run_is_told(project, client)
            nothing_is_told_twice(project, client)
            another_version_and_aliases(project, client, first)
            a_missed_gate(project, client)
        nobody_is_there(project)
        with server(folder, project.port()) as address:
            what_was_not_sent_is_sent(project, MlflowClient(address))
        wrong_addresses(project)
    print("interop tracking: fine")


def what_is_large(folder, tell, address, client):
    """The crate alone: more epochs than a request takes, trials, refused names, and files in pieces."""
    model = folder / "model"
    model.mkdir()
    files = {"report.json": b"{}", "model.json": b"{}", "empty": b"", "weights #1.bin": os.urandom(20 << 20)}
    for name, content in files.items():
        (model / name).write_bytes(content)
    news = training("large program/ü", model, epochs=2500, trials=3)
    told = tell_news(tell, address, folder / "alone", news)
    check(told["warning"] is None, f"everything arrives: {told}")
    run = the_run(client, "large program/ü", "f" * 64)
    history = client.get_metric_history(run.info.run_id, "loss")
    check(sorted(point.step for point in history) == list(range(1, 2501)), f"2500 epochs, each once: {len(history)}")
    check(history[0].timestamp - run.info.start_time == 10, "at their times")
    check(run.data.params["weird_name: 1_"] == "x", f"refused names are changed: {run.data.params}")
    check(run.data.tags["mlsys.name.weird_name: 1_"] == "weird(name: 1)", f"and told: {run.data.tags}")
    check(len(run.data.params) > 150, f"more params than a request takes: {len(run.data.params)}")
    check(run.data.params["long"].endswith(" … (cut)") and len(run.data.params["long"]) == 6000, "long values are cut")
    check(run.data.metrics["test.ndcg_k: 10_"] == 0.2 and run.data.metrics["test.auc"] == 0.71, f"{run.data.metrics}")
    trials = below(client, run)
    check(sorted(trials) == ["1", "2", "3"], f"a run a trial: {trials}")
    check({number: trial.info.status for number, trial in trials.items()}
          == {"1": "FINISHED", "2": "FINISHED", "3": "FAILED"}, f"{trials}")
    check(trials["2"].data.params["lr"] == "0.02" and trials["2"].data.metrics["score"] == 0.52, f"{trials['2'].data}")
    check(len(client.get_metric_history(trials["1"].info.run_id, "loss")) == 3, "epochs of trials")
    for name, content in files.items():
        there = name if name == "report.json" else f"model/{name.replace('#', '_')}"
        path = Path(client.download_artifacts(run.info.run_id, there, str(folder)))
        check(path.read_bytes() == content, f"{name} is what it was")
    check(run.data.tags["mlsys.name.model/weights _1.bin"] == "model/weights #1.bin", f"{run.data.tags}")
    aliases = client.get_registered_model("large").aliases
    check(aliases == {"champion": "1", "mlsys_latest": "1"}, f"reserved aliases have another name: {aliases}")
    told = tell_news(tell, address, folder / "another", news)
    check(told["warning"] is None, f"{told}")
    again = the_run(client, "large program/ü", "f" * 64)
    check(again.data.metrics == run.data.metrics and len(below(client, again)) == 3, "nothing is there twice")
    check(len(client.get_metric_history(run.info.run_id, "loss")) == 2500, "nor are epochs")
    print("  2500 epochs, 3 trials and 20 MiB of files arrive as they are, and once")


def a_deleted_experiment(folder, tell, address, client):
    experiment = client.get_experiment_by_name("large program/ü")
    client.delete_experiment(experiment.experiment_id)
    news = training("large program/ü", folder / "model", epochs=1, trials=0, fingerprint="e" * 64)
    told = tell_news(tell, address, folder / "alone", news)
    check(told["warning"] is None, f"{told}")
    check(client.get_experiment(experiment.experiment_id).lifecycle_stage == "active", "a deleted experiment comes back")
    the_run(client, "large program/ü", "e" * 64)
    print("  a deleted experiment is brought back")


def a_run_is_told(project, client):
    record = project.run()
    check(record["tracking"] == {"server": project.address, "warning": None}, f"{record['tracking']}")
    [run] = runs(client, "fraud")
    trained = record["models"][0]
    report, tags, params = trained["report"], run.data.tags, run.data.params
    check(run.info.run_name == "fraud v1" and run.info.status == "FINISHED", f"{run.info}")
    check(len(tags["mlsys.training"]) == 64 and len(tags["mlsys.plan"]) == 64, f"fingerprints: {tags}")
    check(tags["mlsys.gates"] == "met" and "met" in tags["mlsys.gate.1"], f"gates: {tags}")
    expected = {"task": "binary", "learner": "mlp", "learner.hidden": "[8]", "train.optimizer": "adam",
                "train.optimizer.lr": "0.02", "train.epochs": "3", "train.batch": "64", "seed": "5",
                "split": "time(validate: @2024-01-05, test: @2024-01-07)", "impute": "median with indicator"}
    check({name: params.get(name) for name in expected} == expected, f"{params}")
    check({name for name in params if name.startswith("encoder.")}
          == {f"encoder.{each['name']}" for each in report["inputs"]}, f"encoders: {params}")
    for name, values in [("loss", [epoch["loss"] for epoch in report["epochs"]]),
                         ("validate.auc", [score(epoch["validate"], "auc") for epoch in report["epochs"]])]:
        history = client.get_metric_history(run.info.run_id, name)
        check([point.step for point in history] == [1, 2, 3], f"{name} by epoch: {history}")
        check([point.value for point in history] == values, f"{name} as in the report: {history}")
        check(all(run.info.start_time <= point.timestamp <= run.info.end_time + 1000 for point in history), f"{history}")
    test = report["parts"]["test"]["metrics"]
    check(all(run.data.metrics[f"test.{named(one['metric'])}"] == one["value"] for one in test), f"{run.data.metrics}")
    artefacts_are_equal(project, client, run)
    [version] = client.search_model_versions("name = 'fraud'")
    check((version.run_id, version.status) == (run.info.run_id, "READY"), f"{version}")
    check(version.tags["mlsys.version"] == "1" and version.tags["mlsys.training"] == tags["mlsys.training"], f"{version}")
    check(aliases(client) == {"champion": "1"}, f"{aliases(client)}")
    print(f"  a run with {len(params)} params, {len(run.data.metrics)} metrics and version 1 as the champion")
    return run


def artefacts_are_equal(project, client, run):
    [trained] = (project.folder / ".mlsys" / "offline" / "train.fraud").glob("*/model")
    local = {path.name: path.read_bytes() for path in trained.iterdir()}
    with tempfile.TemporaryDirectory() as there:
        root = Path(client.download_artifacts(run.info.run_id, "", there))
        arrived = {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        check((root / "report.json").is_file() and (root / "model" / "model.json").is_file(), f"{list(arrived)}")
    check(arrived == local, f"files arrive as they are: {sorted(arrived)}, {sorted(local)}")


def nothing_is_told_twice(project, client):
    before = everything(client)
    record = project.run()
    check({node["outcome"] for node in record["nodes"]} == {"current"}, f"{record['nodes']}")
    check(record["tracking"]["warning"] is None and everything(client) == before, "a run with nothing to do adds nothing")
    # A machine that has lost everything trains again: it is the same training.
    project.forget()
    project.run()
    check(everything(client) == before, "nor does the same training on an empty folder")
    print("  what is current, or made again, adds nothing")


def another_version_and_aliases(project, client, first):
    project.write(seed=6)
    project.run()
    check(len(runs(client, "fraud")) == 2, f"{runs(client, 'fraud')}")
    check(aliases(client) == {"champion": "2"}, f"the new version is the champion: {aliases(client)}")
    for command, expected in [
        (["promote", "fraud", "1", "--to", "candidate"], {"champion": "2", "candidate": "1"}),
        (["promote", "fraud", "1"], {"champion": "1", "candidate": "1"}),
        (["rollback", "fraud"], {"champion": "2", "candidate": "1"}),
        (["promote", "fraud", "2", "--to", "latest"], {"champion": "2", "candidate": "1", "mlsys_latest": "2"}),
    ]:
        code, text = project.call("models", *command)
        check(code == 0 and "warning" not in text, text)
        check(aliases(client) == expected, f"{command}: {aliases(client)}")
    check(client.get_model_version_by_alias("fraud", "candidate").run_id == first.info.run_id, "it is the first version")
    print("  aliases follow promote and rollback")


def a_missed_gate(project, client):
    project.write(seed=7, least=0.9999)
    code, text = project.call("run")
    check(code == 3, f"a gate is missed: {text}")
    missed = [run for run in runs(client, "fraud") if run.data.tags.get("mlsys.gates") == "missed"]
    check(len(missed) == 1 and "missed" in missed[0].data.tags["mlsys.gate.1"], f"{missed}")
    check(missed[0].info.status == "FINISHED" and "mlsys.version" not in missed[0].data.tags, f"{missed[0]}")
    check(len(client.search_model_versions("name = 'fraud'")) == 2, "and nothing is registered")
    print("  a missed gate is told, and registers nothing")


def nobody_is_there(project):
    project.write(seed=8)
    started = time.monotonic()
    code, text = project.call("run")
    check(code == 0, f"the run ends as without a server: {text}")
    check(text.count("warning: the tracking server") == 1, f"with one warning: {text}")
    check(f"`{project.address}`" in text and "cannot be reached" in text and "kept in" in text, text)
    code, text = project.call("models", "promote", "fraud", "3", "--to", "candidate")
    check(code == 0 and text.count("warning: the tracking server") == 1, text)
    print(f"  without a server a run and a promotion end well, with a warning ({time.monotonic() - started:.1f} s)")


def what_was_not_sent_is_sent(project, client):
    record = project.run()
    check({node["outcome"] for node in record["nodes"]} == {"current"}, f"{record['nodes']}")
    check(record["tracking"]["warning"] is None, f"{record['tracking']}")
    check(aliases(client)["champion"] == "3" and aliases(client)["candidate"] == "3", f"{aliases(client)}")
    run = client.get_run(client.get_model_version_by_alias("fraud", "champion").run_id)
    check(run.info.run_name == "fraud v3" and run.data.params["seed"] == "8", f"{run}")
    check(len(client.get_metric_history(run.info.run_id, "loss")) == 3, "with its epochs")
    check(not list((project.folder / ".mlsys" / "tracking").iterdir()), "and nothing waits any more")
    print("  the next run sends what was not sent")


def wrong_addresses(project):
    for address, reason in [("127.0.0.1:5000", "does not begin with"), (f"http://me:{SECRET}@host", "credentials")]:
        project.address = address
        project.write(seed=8)
        code, text = project.call("run")
        text = " ".join(text.replace("│", " ").split())
        check(code == 1 and "E0915" in text and reason in text, f"{address} is refused: {text}")
    print("  addresses that are none are refused before anything runs")


class Project:
    """A small project whose profile names the server."""

    def __init__(self, folder, mlsysc, address):
        self.folder, self.mlsysc, self.address = folder, mlsysc, address
        folder.mkdir()
        self.write(seed=5)
        for day in range(1, 9):
            self.day(day)
        own = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        self.environment = own | {"MLFLOW_TRACKING_TOKEN": SECRET, "NO_COLOR": "1", "NO_PROXY": "127.0.0.1"}

    def write(self, seed, least=0.0):
        (self.folder / "fraud.mlsys").write_text(PROGRAM.format(seed=seed, least=least))
        text = f'[project]\nname = "fraud"\n\n[profile.default]\ntracking = "{self.address}"\n'
        (self.folder / "mlsys.toml").write_text(text)

    def day(self, day, rows=60):
        lines = ["payment_id,paid_at,customer_id,amount,is_fraud"]
        for number in range(rows):
            identity = day * 1_000_000 + number
            amount = identity * 2_654_435_761 % (1 << 32) / 1000
            minute = number * 1440 // rows
            is_fraud = str(identity * 31 % 7 == 0).lower()
            at = f"2024-01-{day:02}T{minute // 60:02}:{minute % 60:02}:00Z"
            lines.append(f"{identity},{at},{identity * 13 % 40},{amount},{is_fraud}")
        (self.folder / f"day-{day}.csv").write_text("\n".join(lines) + "\n")

    def call(self, *arguments):
        done = subprocess.run([self.mlsysc, *arguments], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=300)
        check(SECRET not in done.stdout + done.stderr, "no secret is printed")
        return done.returncode, done.stdout + done.stderr

    def run(self):
        done = subprocess.run([self.mlsysc, "run", "--json"], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=300)
        check(done.returncode == 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def forget(self):
        for name in ("offline", "parts"):
            subprocess.run(["rm", "-r", str(self.folder / ".mlsys" / name)], check=True)

    def port(self):
        return int(self.address.rsplit(":", 1)[1])


def training(program, model, epochs, trials, fingerprint="f" * 64):
    """News of a training, as `tell` takes them."""
    identity = {"program": program, "model": "large", "fingerprint": fingerprint}
    params = [["weird(name: 1)", "x"], ["long", "y" * 7000]] + [[f"param.{each}", str(each)] for each in range(150)]
    began = int(time.time() * 1000) - 60_000
    begun = {"id": identity, "began_at": began, "params": params, "tags": []}

    def epoch(number):
        scores = [{"metric": "auc", "value": number / epochs}, {"metric": "ndcg(k: 10)", "value": 0.1}]
        return {"epoch": number, "loss": 1 / number, "validate": scores, "seconds": number / 100}

    news = [{"began": begun}]
    reports = []
    for number in range(1, trials + 1):
        failed = {"failure": "it broke"} if number == 3 else {}
        score = None if failed else 0.5 + number / 100
        values = {"lr": {"float": number / 100}}
        reports.append({"trial": number, "values": values, "score": score, "best_epoch": 1, "seconds": 1.0} | failed)
        news.append({"trial_began": {"training": identity, "trial": number, "at": began}})
        news += [{"epoch": {"training": identity, "trial": number, "report": epoch(each)}} for each in (1, 2, 3)]
        news.append({"trial": {"training": identity, "report": reports[-1], "at": began + 1000}})
    metrics = [{"metric": "auc", "value": 0.71, "interval": [0.6, 0.8]}, {"metric": "ndcg(k: 10)", "value": 0.2}]
    report = {
        "task": "binary", "parts": {"test": {"rows": 10, "metrics": metrics, "slices": []}}, "left_out": 0,
        "epochs": [epoch(number) for number in range(1, epochs + 1)], "best_epoch": 1, "parameters": 10, "inputs": [],
        "trials": reports, "best_trial": 2 if trials else None, "seconds": 30.0,
    }
    came = {"model": {"report": report, "folder": str(model)}}
    news.append({"ended": {"training": begun, "at": began + 30_000, "came": came}})
    registered = {"training": identity, "version": 1, "gates": [], "aliases": ["champion", "latest"]}
    return news + [{"registered": registered}]


def tell_news(tell, address, state, news):
    lines = "".join(json.dumps(each) + "\n" for each in news)
    done = subprocess.run([tell, address, str(state)], input=lines, capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, done.stdout + done.stderr)
    return json.loads(done.stdout)


def runs(client, program):
    """The runs of trainings of a program."""
    experiment = client.get_experiment_by_name(program)
    return [run for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
            if "mlsys.training" in run.data.tags]


def the_run(client, program, fingerprint):
    [found] = [run for run in runs(client, program) if run.data.tags["mlsys.training"] == fingerprint]
    return found


def below(client, run):
    """The runs of a training's trials, by number."""
    condition = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    found = client.search_runs([run.info.experiment_id], condition)
    return {trial.data.tags["mlsys.trial"]: trial for trial in found}


def everything(client):
    """What the server holds of the project."""
    found = runs(client, "fraud")
    histories = {(run.info.run_id, name): len(client.get_metric_history(run.info.run_id, name))
                 for run in found for name in run.data.metrics}
    versions = [(each.version, each.run_id, each.tags) for each in client.search_model_versions("name = 'fraud'")]
    return [(run.info.run_id, run.info.status, run.data.params, run.data.tags) for run in found], histories, versions, \
        aliases(client)


def aliases(client):
    return client.get_registered_model("fraud").aliases


def score(scores, metric):
    return next(each["value"] for each in scores if each["metric"] == metric)


def named(metric):
    """The name that MLflow takes for a metric."""
    return "".join(letter if letter.isalnum() or letter in "_-.:/ " else "_" for letter in metric)


@contextlib.contextmanager
def server(folder, port):
    """MLflow in a process of its own, which ends with this one's need for it; the address."""
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--serve-artifacts", "--artifacts-destination", str(folder / "artefacts"),
    ]
    # The server starts others: all of them are in a group of their own.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    process = subprocess.Popen(command, env=os.environ | settings, cwd=folder, **quiet)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health", process)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(timeout=30)


def wait_for(address, process):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(600):
        check(process.poll() is None, "the server goes on")
        with contextlib.suppress(OSError), direct.open(address, timeout=2):
            return
        time.sleep(0.2)
    sys.exit("error: the server does not begin")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check(holds, what):
    if not holds:
        sys.exit(f"error: {what}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: tracking.py PATH/TO/mlsysc PATH/TO/tell")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
