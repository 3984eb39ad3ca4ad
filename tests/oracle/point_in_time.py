"""What the oracles of feature tables share: windows over time in DuckDB, and the comparison with a run's tables."""

import glob
import json
import os

import numpy as np

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Events and observations in one table, so that a window over time in whole microseconds sees exactly [t - w, t).
WINDOWS = """
SELECT row, {columns} FROM (
  SELECT row, is_event, {windows}
  FROM (SELECT NULL AS row, {key} AS key, {at} AS moment, true AS is_event, {values} FROM {events}
        UNION ALL BY NAME
        SELECT row, {observed_key} AS key, {observed_at} AS moment, false AS is_event FROM observed)
) WHERE NOT is_event ORDER BY row
"""


def over(expression, width):
    return f"{expression} FILTER (WHERE is_event) OVER (PARTITION BY key ORDER BY moment RANGE BETWEEN {width} PRECEDING AND 1 PRECEDING)"


def windows(connection, key, at, events, values, observed_key, observed_at, named):
    text = WINDOWS.format(
        columns=", ".join(named), windows=", ".join(f"{text} AS {name}" for name, text in named.items()),
        key=key, at=at, events=events, values=values, observed_key=observed_key,
        observed_at=observed_at)
    result = connection.sql(text).fetchnumpy()
    return {name: result[name] for name in named}


def found(connection, offline, model, group):
    lists = glob.glob(f"{offline}/join.{model}.{group}/*/data.json")
    assert len(lists) == 1, lists
    folder = os.path.dirname(lists[0])
    with open(lists[0], encoding="utf-8") as listed:
        files = [os.path.join(folder, part["path"]) for part in json.load(listed)["files"]]
    return connection.sql(f"FROM read_parquet({files})").fetchnumpy()


def differences(name, ours, theirs):
    ours, theirs = np.ma.masked_array(ours), np.ma.masked_array(theirs)
    if len(ours) != len(theirs):
        return [f"{name}: {len(ours)} rows instead of {len(theirs)}"]
    missing = np.ma.getmaskarray(ours) != np.ma.getmaskarray(theirs)
    both = ~(np.ma.getmaskarray(ours) | np.ma.getmaskarray(theirs))
    left, right = ours.data.astype(float), theirs.data.astype(float)
    scale = np.maximum(np.abs(left), np.abs(right))
    unequal = both & (np.abs(left - right) > 1e-9 * scale + 1e-12)
    wrong = np.flatnonzero(missing | unequal)
    return [f"{name}: {len(wrong)} rows differ, first {wrong[0]}: {ours[wrong[0]]} instead of {theirs[wrong[0]]}"] if len(wrong) else []


def compare(connection, offline, model, expected):
    """Prints what differs, or that nothing does; the exit code."""
    problems, count, rows = [], 0, 0
    for group, features in expected.items():
        ours = found(connection, offline, model, group)
        assert set(ours) == {f"{group}.{name}" for name in features}, sorted(ours)
        for name, values in features.items():
            problems += differences(f"{group}.{name}", ours[f"{group}.{name}"], values)
            count, rows = count + 1, len(values)
    print("\n".join(problems) if problems else f"{count} features x {rows} rows are equal")
    return 1 if problems else 0
