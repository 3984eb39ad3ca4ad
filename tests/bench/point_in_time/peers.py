"""The point-in-time features of the benchmark with DuckDB and Polars.

    python peers.py gen --events N --obs N --keys N --skew S FOLDER
    python peers.py duckdb|polars FOLDER
    python peers.py days FOLDER INTO      # the same rows, one file a day
    python peers.py check FOLDER OURS     # ours against DuckDB's, to 1e-9

Work: for every observation (key, t), over the events of that key with t - w <= ts < t: count, sum, mean and
max of the amount over 1, 7 and 30 days, and the last amount before t. Each program reads FOLDER/events.parquet
and FOLDER/observations.parquet and writes FOLDER/PROGRAM.parquet in the order of the observations.
"""

import argparse
import sys
from pathlib import Path

DAYS = {"1d": 1, "7d": 7, "30d": 30}


def gen(options):
    """Events in order of time with skewed keys; a tenth of all instants are whole seconds, so that some are equal."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    start, span = 1_700_000_000_000_000, 90 * 86_400 * 1_000_000

    def keys(count):
        uniform, power = random.random(count), 1 - options.skew
        drawn = ((options.keys**power - 1) * uniform + 1) ** (1 / power)
        return np.minimum(drawn.astype("int64"), options.keys - 1)

    def instants(count):
        drawn = start + random.integers(0, span, count)
        whole = random.random(count) < 0.1
        drawn[whole] = drawn[whole] // 1_000_000 * 1_000_000
        return drawn

    ts = np.sort(instants(options.events))
    events = {
        "key": keys(options.events),
        "ts": pa.array(ts, pa.timestamp("us", "UTC")),
        "amount": np.round(random.lognormal(3, 1, options.events), 2),
    }
    pq.write_table(pa.table(events), folder / "events.parquet", row_group_size=262_144)
    observations = {
        "obs_id": np.arange(options.obs),
        "key": keys(options.obs),
        "ts": pa.array(instants(options.obs), pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(observations), folder / "observations.parquet", row_group_size=262_144)


def days(folder, into):
    """The same rows, one file a day, in order of time; a day more than the 90 that are there at first is the last one."""
    import polars as pl

    for table in ("events", "observations"):
        (Path(into) / table).mkdir(parents=True, exist_ok=True)
        rows = pl.read_parquet(f"{folder}/{table}.parquet").sort("ts")
        for (day,), part in rows.group_by(pl.col("ts").dt.date(), maintain_order=True):
            part.write_parquet(f"{into}/{table}/{day}.parquet")


def duckdb(folder):
    """Both tables as one, then framed window functions: the fastest of several ways to say it."""
    import duckdb

    before = "PARTITION BY key ORDER BY ts RANGE BETWEEN"
    end = "AND INTERVAL 1 MICROSECOND PRECEDING"
    frames = [f"w0 AS ({before} UNBOUNDED PRECEDING {end})"]
    columns = ["last_value(amount IGNORE NULLS) OVER w0 AS last_amount"]
    for name, days in DAYS.items():
        frames.append(f"w{name} AS ({before} INTERVAL {days} DAY PRECEDING {end})")
        functions = {"count": "count", "sum": "sum", "mean": "avg", "max": "max"}
        columns += [f"{sql}(amount) OVER w{name} AS {ours}_{name}" for ours, sql in functions.items()]
    duckdb.connect().execute(f"""COPY (
        WITH rows AS (
            SELECT obs_id, key, ts, NULL::DOUBLE AS amount FROM '{folder}/observations.parquet'
            UNION ALL SELECT NULL, key, ts, amount FROM '{folder}/events.parquet'),
        features AS (SELECT obs_id, {', '.join(columns)} FROM rows WINDOW {', '.join(frames)})
        SELECT * FROM features WHERE obs_id IS NOT NULL ORDER BY obs_id
        ) TO '{folder}/duckdb.parquet' (FORMAT parquet)""")


def polars(folder):
    """Both tables as one, one sort, rolling aggregates by key that are closed on the left; an as-of join for the last."""
    import warnings

    import polars as pl

    warnings.simplefilter("ignore")
    observations = pl.scan_parquet(f"{folder}/observations.parquet").with_columns(amount=pl.lit(None, pl.Float64))
    events = pl.scan_parquet(f"{folder}/events.parquet").with_columns(obs_id=pl.lit(None, pl.Int64))
    columns = ["obs_id", "key", "ts", "amount"]
    rows = pl.concat([observations.select(columns), events.select(columns)]).sort("key", "ts")
    amount = pl.col("amount")
    present = amount.is_not_null().cast(pl.Float64)

    def over(function, window):
        return function("ts", window_size=window, closed="left").over("key")

    features = []
    for name in DAYS:
        features.append(over(present.rolling_sum_by, name).alias(f"count_{name}"))
        features.append(over(amount.fill_null(0.0).rolling_sum_by, name).alias(f"sum_{name}"))
        features.append(over(amount.rolling_max_by, name).alias(f"max_{name}"))
    found = rows.with_columns(features).filter(pl.col("obs_id").is_not_null())
    means = [(pl.col(f"sum_{name}") / pl.col(f"count_{name}")).alias(f"mean_{name}") for name in DAYS]
    last = events.select("key", "ts", last_amount="amount").sort("ts")
    found = found.with_columns(means).sort("ts")
    found = found.join_asof(last, on="ts", by="key", strategy="backward", allow_exact_matches=False)
    found = found.sort("obs_id").drop("key", "ts", "amount")
    found.collect(engine="streaming").write_parquet(f"{folder}/polars.parquet")


def check(folder, ours):
    """Ours against DuckDB's. Of events of one instant either may be the last: such rows are left out for it."""
    import polars as pl

    ours = pl.read_parquet(ours).rename(lambda name: name.split(".")[-1].replace("spent_", ""))
    theirs = pl.read_parquet(f"{folder}/duckdb.parquet").sort("obs_id")
    assert ours.height == theirs.height, (ours.height, theirs.height)
    events = pl.scan_parquet(f"{folder}/events.parquet").group_by("key", "ts").agg(pl.len().alias("same"))
    observations = pl.scan_parquet(f"{folder}/observations.parquet").sort("ts")
    before = observations.join_asof(
        events.sort("ts"), on="ts", by="key", strategy="backward", allow_exact_matches=False
    )
    is_tie = (before.sort("obs_id").collect()["same"] > 1).fill_null(False)
    for column in (name for name in theirs.columns if name != "obs_id"):
        left, right = (table[column].cast(pl.Float64) for table in (ours, theirs))
        if column.startswith("sum"):
            left, right = left.fill_null(0.0), right.fill_null(0.0)
        differs = ((left - right).abs() > 1e-9 * (1 + right.abs())).fill_null(False)
        differs |= left.is_null() != right.is_null()
        if column == "last_amount":
            differs &= ~is_tie
        if differs.any():
            sys.exit(f"{column}: {differs.sum()} of {ours.height} differ")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("gen")
    for name in ("events", "obs", "keys"):
        made.add_argument(f"--{name}", type=int, required=True)
    made.add_argument("--skew", type=float, required=True)
    made.add_argument("folder")
    for name in ("duckdb", "polars"):
        commands.add_parser(name).add_argument("folder")
    divided = commands.add_parser("days")
    divided.add_argument("folder")
    divided.add_argument("into")
    checked = commands.add_parser("check")
    checked.add_argument("folder")
    checked.add_argument("ours")
    options = parser.parse_args()
    if options.command == "gen":
        gen(options)
    elif options.command == "days":
        days(options.folder, options.into)
    elif options.command == "check":
        check(options.folder, options.ours)
    else:
        {"duckdb": duckdb, "polars": polars}[options.command](options.folder)


if __name__ == "__main__":
    main()
