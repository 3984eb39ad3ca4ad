"""Computes functions of the standard library with Python's own and compares them with the columns of a table.

Usage: functions.py TABLE
Prints one line and ends with 0 if all values are equal, with 1 and the differences otherwise.
"""

import math
import sys
from datetime import datetime, timedelta, timezone
from statistics import NormalDist

import pyarrow.parquet

EARTH = 6_371_008.8
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NORMAL = NormalDist()


def of_x(function):
    """A function of the column x: missing with it, NaN where it has no value, infinite where it is too large."""
    def at(row):
        if row["x"] is None:
            return None
        try:
            return function(row["x"])
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf
    return at


def point(lat, lon):
    lat, lon = math.radians(lat), math.radians(lon)
    return [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def haversine(row):
    a, b = point(row["lat1"], row["lon1"]), point(row["lat2"], row["lon2"])
    normal = cross(a, b)
    return EARTH * math.atan2(math.sqrt(dot(normal, normal)), dot(a, b))


def bearing(row):
    """The angle between the planes through the first place that hold the pole and the second place."""
    a, b = point(row["lat1"], row["lon1"]), point(row["lat2"], row["lon2"])
    east = cross([0, 0, 1], a)
    north = cross(a, east)
    return math.degrees(math.atan2(dot(b, east), dot(b, north))) % 360


def instant(row):
    return EPOCH + timedelta(microseconds=row["micros"])


def of_t(function):
    return lambda row: function(instant(row))


def start_of_day(t):
    return t.replace(hour=0, minute=0, second=0, microsecond=0)


# Column, what it is, and how far it may be off: relatively, or in absolute terms if the value is small.
NUMBERS = {
    **{name: (of_x(getattr(math, name)), 4e-16) for name in (
        "acos asin atan ceil cos degrees exp expm1 floor log10 log1p radians sin sqrt tan".split())},
    "tanh": (of_x(math.tanh), 1e-15),
    "ln": (of_x(math.log), 4e-16),
    "atan2": (lambda row: None if row["x"] is None else math.atan2(row["x"], row["y"]), 4e-16),
    "pow": (lambda row: math.pow(row["p"], row["y"]), 4e-16),
    "round": (lambda row: None if row["x"] is None else round(row["x"], row["digits"]), 0),
    "sigmoid": (of_x(lambda x: math.exp(x) / (1 + math.exp(x)) if x < 0 else 1 / (1 + math.exp(-x))), 1e-15),
    "div": (lambda row: row["n"] // row["m"] if row["m"] else None, 0),
    "mod": (lambda row: row["n"] % row["m"] if row["m"] else None, 0),
    "logit": (lambda row: math.log(row["p"] / (1 - row["p"])), 1e-13),
    "normal_cdf": (lambda row: math.erfc(-row["y"] / math.sqrt(2)) / 2, 1e-15),
    "normal_pdf": (lambda row: NORMAL.pdf(row["y"]), 1e-13),
    "haversine": (haversine, 1e-12),
    "bearing": (bearing, 1e-9),
    "days": (of_t(lambda t: (t - start_of_day(t).replace(day=1)) / timedelta(days=1)), 4e-16),
}
EXACT = {
    "t": instant,
    "hour_of_day": of_t(lambda t: t.hour),
    "minute_of_day": of_t(lambda t: t.hour * 60 + t.minute),
    "day_of_week": of_t(datetime.isoweekday),
    "is_weekend": of_t(lambda t: t.isoweekday() > 5),
    "day_of_month": of_t(lambda t: t.day),
    "day_of_year": of_t(lambda t: t.timetuple().tm_yday),
    "week_of_year": of_t(lambda t: t.isocalendar()[1]),
    "month": of_t(lambda t: t.month),
    "quarter": of_t(lambda t: (t.month - 1) // 3 + 1),
    "year": of_t(lambda t: t.year),
    "date": of_t(datetime.date),
    "start_of_hour": of_t(lambda t: t.replace(minute=0, second=0, microsecond=0)),
    "start_of_day": of_t(start_of_day),
    "start_of_week": of_t(lambda t: start_of_day(t) - timedelta(days=t.weekday())),
    "start_of_month": of_t(lambda t: start_of_day(t).replace(day=1)),
}


def close(ours, theirs, tolerance):
    if ours is None or theirs is None:
        return ours is theirs
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return ours == theirs or abs(ours - theirs) <= tolerance * max(abs(ours), abs(theirs))


def main():
    rows = pyarrow.parquet.read_table(sys.argv[1]).to_pylist()
    problems = []
    for name, (function, tolerance) in NUMBERS.items():
        problems += [f"{name}: {row[name]} instead of {function(row)}, {row}" for row in rows
                     if not close(row[name], function(row), tolerance)][:3]
    for name, function in EXACT.items():
        problems += [f"{name}: {row[name]} instead of {function(row)}, {row}" for row in rows
                     if row[name] != function(row)][:3]
    unchecked = set(rows[0]) - set(NUMBERS) - set(EXACT)
    assert unchecked == set("row x y p lat1 lon1 lat2 lon2 digits n m micros".split()), unchecked
    count = len(NUMBERS) + len(EXACT)
    print("\n".join(problems) if problems else f"{count} functions x {len(rows)} rows are equal")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
