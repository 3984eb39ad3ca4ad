"""A rank in Python among ranks of ours: `.torchenv/bin/python tests/interop/ranks.py PATH/TO/add`.

The second of three ranks is PyTorch's own c10d: it meets the others at rank 0's store, adds its vector to what comes along the
ranks and passes on what goes round. The sum must be that of one process, to the last bit, on all of them. It ends by saying
what it has seen, or with the first thing that is not as it should be.
"""

import subprocess
import sys
from datetime import timedelta

import numpy
import torch
import torch.distributed as dist

LENGTH = 300_001
PIECE = (1 << 20) // 4
SIZE, OWN = 3, 1
SECONDS = timedelta(seconds=60)


def main(program):
    first = subprocess.Popen(
        [program, "127.0.0.1:0", "0", str(SIZE)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    started = [first]
    try:
        address = first.stderr.readline().strip()
        started.append(subprocess.Popen([program, address, "2", str(SIZE)], stdout=subprocess.PIPE, text=True))
        own = joined(address)
        others = [process.communicate(timeout=60)[0].strip() for process in started]
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
    want(all(process.returncode == 0 for process in started), f"ranks ended with {[p.returncode for p in started]}")
    expected = vector(0)
    for rank in range(1, SIZE):
        expected = expected + vector(rank)
    want(own[0] == expected.tobytes(), "the rank in Python has another sum than one process")
    want(others == [f"{own[0].hex()} {own[1].hex()}"] * 2, "ranks have different sums, or have heard different words")
    want(own[1] == b"what rank 0 says", f"the rank in Python heard {own[1]!r}")
    print(f"a rank in Python among {SIZE}: {LENGTH} sums are equal to the last bit, and rank 0 was heard")


def joined(address):
    """What the rank in Python comes to: the sum's bytes, and what rank 0 says."""
    host, port = address.rsplit(":", 1)
    # Counts itself in, as the others do.
    server = dist.TCPStore(host, int(port), SIZE, False, SECONDS, wait_for_workers=True)
    store = dist.PrefixStore("mlsys", server)
    want(store.compare_set("size", "", str(SIZE)) == str(SIZE).encode(), "others there are a different number")
    want(store.compare_set(f"rank {OWN}", "", "Python") == b"Python", "another process has this rank")
    group = dist.ProcessGroupGloo(store, OWN, SIZE, SECONDS)
    total = torch.zeros(LENGTH)
    for part, mine in zip(total.split(PIECE), torch.from_numpy(vector(OWN)).split(PIECE)):
        group.recv([part], OWN - 1, 0).wait()
        part += mine
        group.send([part], OWN + 1, 0).wait()
    pass_on(group, total, SIZE - 1)
    length = torch.zeros(8, dtype=torch.uint8)
    pass_on(group, length, 0)
    said = torch.zeros(int.from_bytes(length.numpy().tobytes(), "little"), dtype=torch.uint8)
    pass_on(group, said, 0)
    return total.numpy().tobytes(), said.numpy().tobytes()


def pass_on(group, numbers, start):
    """Round the ring from the rank that has them, until all do."""
    for part in numbers.split(PIECE):
        if OWN != start:
            group.recv([part], (OWN - 1) % SIZE, 0).wait()
        if (OWN + 1) % SIZE != start:
            group.send([part], (OWN + 1) % SIZE, 0).wait()


def vector(rank):
    return numpy.float32(rank + 1) / (numpy.arange(LENGTH, dtype=numpy.float32) + numpy.float32(3))


def want(holds, reason):
    if not holds:
        sys.exit(f"error: {reason}")


if __name__ == "__main__":
    main(sys.argv[1])
