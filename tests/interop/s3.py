"""A shared store in a service that speaks S3: `.interopenv/bin/python tests/interop/s3.py PATH/TO/mlsysc`.

moto plays the service, on a free port of this machine. Runs of a small project put what they make there; boto3 and
pyarrow look at it, and a machine that has nothing makes nothing. It ends by saying what it has seen, or with the first
thing that is not as it should be.
"""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
import pyarrow.parquet

BUCKET = "features"
PREFIX = "team/fraud"
KEY, SECRET = "key-of-nobody", "secret-of-nobody"

PROGRAM = """
entity customer { customer_id: int64 }

source payments {
  from csv("day-*.csv")
  schema {
    payment_id:  int64
    paid_at:     timestamp
    customer_id: int64
    amount:      float64
    is_fraud:    bool known at settled_at
  }
  derive { settled_at = paid_at + 1h }
  time paid_at
  key  payment_id
  expect amount > 0 else quarantine
}

features spend for customer from payments {
  payments = count() over [1d, 3d]
  mean     = mean(amount) over 3d
}

model fraud {
  observe payments
  label   is_fraud
  inputs {
    amount
    spend.*
  }
  impute median with indicator
  split time(validate: @2024-01-05, test: @2024-01-07)
  learn mlp(hidden: [8])
  train {
    optimizer adam(lr: 0.02)
    epochs    2
    batch     64
    seed      5
  }
}
"""


def main(mlsysc):
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoint = stack.enter_context(service({}))
        client = s3(endpoint)
        client.create_bucket(Bucket=BUCKET)
        first = Project(folder / "first", mlsysc, endpoint, days=8)
        made = first.run()
        check(outcomes(made) == {"done"}, f"everything is made: {made['nodes']}")
        names = listed(client)
        look_at_objects(client, names)
        nothing_is_made_again(first, names, client)
        an_appended_day(folder, mlsysc, endpoint, first)
        large_files(folder, mlsysc, endpoint, client)
        what_does_not_answer(folder, mlsysc, endpoint)
        strict = stack.enter_context(service({"INITIAL_NO_AUTH_ACTION_COUNT": "0"}))
        wrong_keys(folder, mlsysc, strict)
    print("interop s3: fine")


def look_at_objects(client, names):
    """Others find what was made under the names that the documentation gives."""
    check(f"{PREFIX}/format" in names, "the store says which format it has")
    for node, pattern in [
        ("source.payments", "data.json"),
        ("observe.fraud", "data.json"),
        ("join.fraud.spend", "data.json"),
        ("features.spend", "data.parquet"),
        ("train.fraud", "model/"),
    ]:
        own = [name for name in names if name.startswith(f"{PREFIX}/offline/{node}/")]
        check(any(name.endswith("/report.json") for name in own), f"{node} has a report: {own}")
        check(any(pattern in name for name in own), f"{node} has {pattern}: {own}")
    check(any(name.startswith(f"{PREFIX}/quarantine/source.payments-") for name in names), "rows are set aside")
    check(not any("/tile." in name or name.endswith(".new") for name in names), f"nothing unfinished: {names}")
    parts = [name for name in names if name.startswith(f"{PREFIX}/parts/join.fraud.spend/") and name.endswith(".parquet")]
    check(len(parts) == 8, f"a part for each day: {parts}")
    table = pyarrow.parquet.read_table(io.BytesIO(body(client, parts[0])))
    check(table.num_rows > 0 and "spend.mean" in table.column_names, f"pyarrow reads a part: {table.schema}")
    print(f"  {len(names)} objects, of which pyarrow reads {table.num_rows} rows of {table.num_columns} columns")


def nothing_is_made_again(project, names, client):
    """A machine that has nothing fetches everything, and changes nothing."""
    before = project.files()
    project.forget()
    fetched = project.run()
    check(outcomes(fetched) == {"fetched"}, f"everything is fetched: {fetched['nodes']}")
    check(project.files() == before, "what is fetched is what was made")
    check(listed(client) == names, "nothing is put there again")
    check(outcomes(project.run()) == {"current"}, "and is current from then on")
    code, text = project.call("run")
    check(code == 0 and "nothing to do" in text, text)
    project.forget()
    _, text = project.call("run")
    check("5 fetched from the store" in text, text)
    print("  an empty folder fetches all 5 nodes")


def an_appended_day(folder, mlsysc, endpoint, first):
    """Another machine makes one part of each table, the first one fetches them."""
    second = Project(folder / "second", mlsysc, endpoint, days=9)
    appended = second.run()
    parts = {node["node"]: node["report"].get("parts") or {} for node in appended["nodes"]}
    parts = {name: part for name, part in parts.items() if "total" in part}
    check(len(parts) == 3, f"three tables are in parts: {parts}")
    check(all(part == {"total": 9, "made": 1} for part in parts.values()), f"a day costs a day: {parts}")
    first.append(9)
    check(outcomes(first.run()) == {"fetched"}, "the first machine fetches what the second has made")
    print("  a day that another machine has appended costs one part of each table")


def large_files(folder, mlsysc, endpoint, client):
    """A file of many megabytes goes and comes in pieces."""
    project = Project(folder / "large", mlsysc, endpoint, days=0, prefix="large")
    project.append(1, rows=1_500_000)
    node = ["run", "--only", "source.payments", "--json"]
    started = time.monotonic()
    code, text = project.call(*node)
    check(code == 0, text)
    seconds = time.monotonic() - started
    sizes = {name: client.head_object(Bucket=BUCKET, Key=name) for name in listed(client, "large")}
    name, largest = max(sizes.items(), key=lambda entry: entry[1]["ContentLength"])
    check(largest["ContentLength"] > 8 << 20, f"{name} has {largest['ContentLength']} bytes")
    check("-" in largest["ETag"], f"{name} came in pieces: {largest['ETag']}")
    before = project.files()
    project.forget()
    started = time.monotonic()
    code, text = project.call(*node)
    check(code == 0 and project.files() == before, "it comes back as it was")
    back = time.monotonic() - started
    print(f"  {largest['ContentLength'] >> 20} MiB in pieces: made and put in {seconds:.1f} s, fetched in {back:.1f} s")


def what_does_not_answer(folder, mlsysc, endpoint):
    """Errors at the beginning, before anything is made: one sentence and what to do."""
    no_bucket = Project(folder / "no-bucket", mlsysc, endpoint, days=1, store="s3://no-such-bucket/x")
    no_bucket.refused(4, "E0911", "cannot use the store `s3://no-such-bucket/x`: there is no such bucket")
    nobody = Project(folder / "nobody", mlsysc, f"http://127.0.0.1:{free_port()}", days=1)
    nobody.refused(4, "E0911", "it cannot be reached", "AWS_ENDPOINT_URL")
    plain = Project(folder / "plain", mlsysc, endpoint, days=1)
    del plain.environment["AWS_ALLOW_HTTP"]
    plain.refused(4, "E0911", "its endpoint is not encrypted", "AWS_ALLOW_HTTP=true")
    keyless = Project(folder / "keyless", mlsysc, endpoint, days=1)
    del keyless.environment["AWS_ACCESS_KEY_ID"], keyless.environment["AWS_SECRET_ACCESS_KEY"]
    # Without keys the machine's own are asked for, at an address where nobody is.
    keyless.environment["AWS_METADATA_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
    keyless.refused(4, "E0911", "there are no credentials", "AWS_ACCESS_KEY_ID")
    wrong = Project(folder / "wrong", mlsysc, endpoint, days=1, store="s3://key:secret@bucket/x")
    wrong.refused(1, "E0915", "is not the address of a bucket")
    other = Project(folder / "other", mlsysc, endpoint, days=1, store="gs://bucket/x")
    other.refused(1, "E0910", "wants the store `gs://bucket/x`", "s3://BUCKET/PREFIX")


def wrong_keys(folder, mlsysc, endpoint):
    stranger = Project(folder / "stranger", mlsysc, endpoint, days=1)
    stranger.refused(4, "E0911", "it refuses the credentials", "AWS_ACCESS_KEY_ID")


class Project:
    """A project in a folder of its own, as one machine has it."""

    def __init__(self, folder, mlsysc, endpoint, days, prefix=PREFIX, store=None):
        self.folder, self.mlsysc = folder, mlsysc
        folder.mkdir()
        (folder / "fraud.mlsys").write_text(PROGRAM)
        store = store or f"s3://{BUCKET}/{prefix}"
        (folder / "mlsys.toml").write_text(f'[project]\nname = "fraud"\n\n[profile.default]\nstore = "{store}"\n')
        for day in range(1, days + 1):
            self.append(day)
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = own | {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def append(self, day, rows=60):
        lines = ["payment_id,paid_at,customer_id,amount,is_fraud"]
        for number in range(rows):
            identity = day * 1_000_000 + number
            amount = -1 if number % 17 == 16 else identity * 2_654_435_761 % (1 << 32) / 1000
            minute = number * 1440 // rows
            is_fraud = str(identity * 31 % 7 == 0).lower()
            at = f"2024-01-{day:02}T{minute // 60:02}:{minute % 60:02}:00Z"
            lines.append(f"{identity},{at},{identity * 13 % 40},{amount},{is_fraud}")
        (self.folder / f"day-{day}.csv").write_text("\n".join(lines) + "\n")

    def call(self, *arguments):
        done = subprocess.run(
            [self.mlsysc, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )
        check(SECRET not in done.stdout + done.stderr, "no secret is printed")
        return done.returncode, done.stdout + done.stderr

    def run(self):
        done = subprocess.run(
            [self.mlsysc, "run", "--json"], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )
        check(done.returncode == 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def refused(self, expected, *words):
        started = time.monotonic()
        code, text = self.call("run")
        text = " ".join(text.replace("│", " ").split())
        check(code == expected, f"it ends with {expected}, not {code}: {text}")
        for word in words:
            check(word in text, f"`{word}` is said: {text}")
        offline = self.folder / ".mlsys" / "offline"
        check(not offline.exists() or not any(offline.iterdir()), "nothing is made")
        print(f"  {words[0]} {words[1]} ({time.monotonic() - started:.1f} s)")

    def forget(self):
        shutil.rmtree(self.folder / ".mlsys")

    def files(self):
        """Results and parts; what is known of all parts together is fetched when parts are made."""
        root = self.folder / ".mlsys"
        folders = [root / name for name in ("offline", "parts", "quarantine")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        of_parts = [path for path in files if path.parent.parent.name != "parts" or len(path.name.split(".")[0]) == 64]
        return {str(path.relative_to(root)): path.read_bytes() for path in of_parts}


@contextlib.contextmanager
def service(settings):
    """moto in a process of its own, which ends with this one's need for it; the address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=os.environ | settings, **quiet)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(port, process):
    for _ in range(300):
        check(process.poll() is None, "the service goes on")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    sys.exit("error: the service does not begin")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def s3(endpoint):
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)


def listed(client, prefix=PREFIX):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def body(client, name):
    return client.get_object(Bucket=BUCKET, Key=name)["Body"].read()


def outcomes(record):
    return {node["outcome"] if isinstance(node["outcome"], str) else "failed" for node in record["nodes"]}


def check(holds, what):
    if not holds:
        sys.exit(f"error: {what}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: s3.py PATH/TO/mlsysc")
    main(Path(sys.argv[1]).resolve())
