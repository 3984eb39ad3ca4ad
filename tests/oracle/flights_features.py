"""Computes the features of the flights program with DuckDB and compares them with the tables of a run, row by row.

Usage: flights_features.py DATA_FOLDER OFFLINE_FOLDER
Prints one line and ends with 0 if all values are equal (floats to 1e-9 relative), with 1 and the differences otherwise.
"""

import sys

import duckdb

from point_in_time import DAY, HOUR, compare, over, windows

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


def latest(connection, **parts):
    return connection.sql(LATEST.format(**parts)).fetchnumpy()["value"]


def expected(connection):
    late = "avg(late)"
    airline = windows(
        connection, "carrier", "landed_at", "landed", "arr_delay, (arr_delay > 15)::INT AS late", "carrier", "departs_at", {
            "landings": over("count(*)", DAY),
            "mean_delay_1d": over("avg(arr_delay)", DAY), "mean_delay_7d": over("avg(arr_delay)", 7 * DAY),
            "late_rate_1d": over(late, DAY), "late_rate_7d": over(late, 7 * DAY), "late_rate_30d": over(late, 30 * DAY),
            "worst": over("max(arr_delay)", DAY)})
    aircraft = windows(
        connection, "tailnum", "landed_at", "(FROM landed WHERE tailnum IS NOT NULL)",
        "(arr_delay > 15)::INT AS late", "tailnum", "departs_at",
        {"late_rate": over(late, 30 * DAY), "hops": over("count(*)", DAY)})
    aircraft["last_delay"] = latest(
        connection, key="tailnum", at="landed_at", value="arr_delay", events="landed", order=KEY, width=2 * DAY,
        observed_key="tailnum")
    airport = windows(
        connection, "origin", "seen_at", "weather", "precip", "origin", "departs_at",
        {"rain": f"coalesce({over('sum(precip)', 6 * HOUR)}, 0)"})
    for name, value in [("wind", "wind_speed"), ("fog", "(visib < 2.0)")]:
        airport[name] = latest(
            connection, key="origin", at="seen_at", value=value, events="weather", order="origin", width=3 * HOUR,
            observed_key="origin")
    return {"airline_punctuality": airline, "aircraft_history": aircraft, "airport_weather": airport}


def main():
    data, offline = sys.argv[1:3]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(TABLES.format(data=data))
    return compare(connection, offline, "late_arrival", expected(connection))


if __name__ == "__main__":
    sys.exit(main())
