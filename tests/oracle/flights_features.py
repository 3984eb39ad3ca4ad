"""Computes the features of the flights program with DuckDB and compares them with the tables of a run, row by row.

Usage: flights_features.py DATA_FOLDER OFFLINE_FOLDER
Prints one line and ends with 0 if all values are equal (floats to 1e-9 relative), with 1 and the differences otherwise.
"""

import glob
import sys

import duckdb
import numpy as np

DAY = 86_400_000_000
HOUR = 3_600_000_000

TABLES = """
CREATE TABLE flights AS
SELECT row_number() OVER () AS row, carrier, flight, tailnum, origin, arr_delay,
       epoch_us(time_hour) + minute * 60000000 AS departs_at,
       epoch_us(time_hour) + minute * 60000000 + ((dep_delay + air_time) * 60000000)::BIGINT AS landed_at
FROM read_csv('{data}/flights.csv', nullstr = 'NA', header = true,
              types = {{'time_hour': 'TIMESTAMP', 'minute': 'BIGINT', 'flight': 'BIGINT', 'tailnum': 'VARCHAR',
                        'dep_delay': 'DOUBLE', 'air_time': 'DOUBLE', 'arr_delay': 'DOUBLE'}});
CREATE TABLE weather AS
SELECT origin, epoch_us(time_hour) AS seen_at, wind_speed, precip, visib
FROM read_csv('{data}/weather.csv', nullstr = 'NA', header = true,
              types = {{'time_hour': 'TIMESTAMP', 'wind_speed': 'DOUBLE', 'precip': 'DOUBLE', 'visib': 'DOUBLE'}});
CREATE TABLE observed AS SELECT * FROM flights WHERE arr_delay IS NOT NULL;
CREATE TABLE landed AS SELECT * FROM flights WHERE landed_at IS NOT NULL AND arr_delay IS NOT NULL;
"""

# Events and observations in one table, so that a window over time in whole microseconds sees exactly [t - w, t).
WINDOWS = """
SELECT row, {columns} FROM (
  SELECT row, is_event, {windows}
  FROM (SELECT NULL AS row, {key} AS key, {at} AS moment, true AS is_event, {values} FROM {events}
        UNION ALL BY NAME
        SELECT row, {observed_key} AS key, departs_at AS moment, false AS is_event FROM observed)
) WHERE NOT is_event ORDER BY row
"""

# The latest row before t, ties ordered by the source's key, and not older than the window.
LATEST = """
WITH ordered AS (
  SELECT {key} AS key, {at} AS moment, {value} AS value FROM {events} WHERE {value} IS NOT NULL AND {key} IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY {key}, {at} ORDER BY {order}) = 1
)
SELECT CASE WHEN ordered.moment >= departs_at - {width} THEN ordered.value END AS value
FROM observed ASOF LEFT JOIN ordered ON observed.{observed_key} = ordered.key AND observed.departs_at > ordered.moment
ORDER BY observed.row
"""

KEY = "carrier DESC, flight DESC, origin DESC, departs_at DESC"


def over(expression, width):
    return f"{expression} FILTER (WHERE is_event) OVER (PARTITION BY key ORDER BY moment RANGE BETWEEN {width} PRECEDING AND 1 PRECEDING)"


def windows(connection, key, at, events, values, observed_key, named):
    text = WINDOWS.format(
        columns=", ".join(named), windows=", ".join(f"{text} AS {name}" for name, text in named.items()),
        key=key, at=at, events=events, values=values, observed_key=observed_key)
    result = connection.sql(text).fetchnumpy()
    return {name: result[name] for name in named}


def latest(connection, **parts):
    return connection.sql(LATEST.format(**parts)).fetchnumpy()["value"]


def expected(connection):
    late = "avg(late)"
    airline = windows(
        connection, "carrier", "landed_at", "landed", "arr_delay, (arr_delay > 15)::INT AS late", "carrier", {
            "landings": over("count(*)", DAY),
            "mean_delay_1d": over("avg(arr_delay)", DAY), "mean_delay_7d": over("avg(arr_delay)", 7 * DAY),
            "late_rate_1d": over(late, DAY), "late_rate_7d": over(late, 7 * DAY), "late_rate_30d": over(late, 30 * DAY),
            "worst": over("max(arr_delay)", DAY)})
    aircraft = windows(
        connection, "tailnum", "landed_at", "(FROM landed WHERE tailnum IS NOT NULL)",
        "(arr_delay > 15)::INT AS late", "tailnum",
        {"late_rate": over(late, 30 * DAY), "hops": over("count(*)", DAY)})
    aircraft["last_delay"] = latest(
        connection, key="tailnum", at="landed_at", value="arr_delay", events="landed", order=KEY, width=2 * DAY,
        observed_key="tailnum")
    airport = windows(
        connection, "origin", "seen_at", "weather", "precip", "origin",
        {"rain": f"coalesce({over('sum(precip)', 6 * HOUR)}, 0)"})
    for name, value in [("wind", "wind_speed"), ("fog", "(visib < 2.0)")]:
        airport[name] = latest(
            connection, key="origin", at="seen_at", value=value, events="weather", order="origin", width=3 * HOUR,
            observed_key="origin")
    return {"airline_punctuality": airline, "aircraft_history": aircraft, "airport_weather": airport}


def found(connection, offline, group):
    paths = glob.glob(f"{offline}/join.late_arrival.{group}/*/data.parquet")
    assert len(paths) == 1, paths
    return connection.sql(f"FROM read_parquet('{paths[0]}')").fetchnumpy()


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


def main():
    data, offline = sys.argv[1:3]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(TABLES.format(data=data))
    problems, count, rows = [], 0, 0
    for group, features in expected(connection).items():
        ours = found(connection, offline, group)
        assert set(ours) == {f"{group}.{name}" for name in features}, sorted(ours)
        for name, values in features.items():
            problems += differences(f"{group}.{name}", ours[f"{group}.{name}"], values)
            count, rows = count + 1, len(values)
    print("\n".join(problems) if problems else f"{count} features x {rows} rows are equal")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
