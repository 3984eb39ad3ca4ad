"""The rows of the serving benchmark: `rows.py FOLDER`."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ENTITIES, REQUESTS = 100_000, 20_000


def main(folder):
    random = np.random.default_rng(1)
    instants = lambda n, day: pa.array(np.full(n, f"2024-01-0{day}", "datetime64[us]"), pa.timestamp("us", "UTC"))
    values = {"entity": np.arange(ENTITIES), "at": instants(ENTITIES, 1)}
    values |= {f"x{n}": random.random(ENTITIES) for n in range(1, 16)}
    pq.write_table(pa.table(values), folder / "values.parquet")
    requests = {"entity": random.integers(0, ENTITIES, REQUESTS), "at": instants(REQUESTS, 2)}
    requests |= {f"v{n}": random.random(REQUESTS) for n in range(1, 6)}
    requests["good"] = random.random(REQUESTS) < 0.5
    pq.write_table(pa.table(requests), folder / "requests.parquet")


main(Path(sys.argv[1]))
