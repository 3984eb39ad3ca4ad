"""Computes the features of the fraud program with DuckDB and compares them with the tables of a run, row by row.

Usage: fraud_features.py DATA_FOLDER OFFLINE_FOLDER
Prints one line and ends with 0 if all values are equal (floats to 1e-9 relative), with 1 and the differences otherwise.
"""

import sys

import duckdb

from point_in_time import DAY, HOUR, MINUTE, compare, over, windows

TABLES = """
CREATE TABLE observed AS
SELECT payment_id AS row, customer_id, terminal_id, amount, is_fraud::INT AS fraud, epoch_us(paid_at) AS paid_at,
       epoch_us(paid_at) + 7 * 86400000000 AS settled_at
FROM read_parquet('{data}/payments/*.parquet')
WHERE amount > 0;
"""

WIDTHS = {"15m": 15 * MINUTE, "1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def each(expression, name, *widths):
    return {f"{name}_{width}": over(expression, WIDTHS[width]) for width in widths}


def expected(connection):
    spend = windows(
        connection, "customer_id", "paid_at", "observed", "amount, terminal_id", "customer_id", "paid_at",
        {**each("count(*)", "payments", "15m", "1h", "1d", "7d", "30d"),
         **each("avg(amount)", "mean", "1d", "7d", "30d"),
         "biggest": over("max(amount)", 30 * DAY),
         "places": over("count(DISTINCT terminal_id)", DAY)})
    spend["surge"] = spend["mean_1d"] / spend["mean_30d"]
    risk = windows(
        connection, "terminal_id", "settled_at", "observed", "fraud", "terminal_id", "paid_at",
        {**each("count(*)", "payments", "1d", "7d", "30d"), **each("avg(fraud)", "risk", "1d", "7d", "30d")})
    return {"customer_spend": spend, "terminal_risk": risk}


def main():
    data, offline = sys.argv[1:3]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(TABLES.format(data=data))
    return compare(connection, offline, "fraud", expected(connection))


if __name__ == "__main__":
    sys.exit(main())
