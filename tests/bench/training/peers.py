"""Training a multi-layer perceptron with PyTorch.

Work: an MLP (50 inputs, hidden 128 and 64, ReLU, one logit), binary cross entropy,
Adam 1e-3, batch 1024, shuffled, float32, 1,000,000 rows, 2 epochs, CPU.

    python peers.py gen DIR          # DIR/train.parquet: x0..x49 float32, y bool
    python peers.py sliced DIR       # tensors shuffled by index: the fastest plain PyTorch loop
    python peers.py dataloader DIR   # TensorDataset + DataLoader, as most code is written
    python peers.py compiled DIR     # sliced, with torch.compile where a compiler is available

Prints rows per second over the second epoch (the first one warms up) and the loss.
"""
import json, sys, time
from pathlib import Path


def gen(d):
    import numpy as np, pyarrow as pa, pyarrow.parquet as pq
    rng = np.random.default_rng(0); n, f = 1_000_000, 50
    x = rng.standard_normal((n, f), dtype=np.float32)
    w = rng.standard_normal(f) / 4
    y = (x @ w + np.sin(3 * x[:, 0]) + rng.logistic(size=n)) > 0
    Path(d).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**{f"x{i}": x[:, i] for i in range(f)}, "y": y}), f"{d}/train.parquet")


def train(mode, d):
    import torch, pyarrow.parquet as pq, numpy as np
    t = pq.read_table(f"{d}/train.parquet")
    x = torch.from_numpy(np.stack([t.column(i).to_numpy() for i in range(50)], 1)); y = torch.from_numpy(t["y"].to_numpy().astype("float32"))
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(50, 128), torch.nn.ReLU(), torch.nn.Linear(128, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
    opt = torch.optim.Adam(net.parameters(), 1e-3); lossf = torch.nn.BCEWithLogitsLoss(); n = len(y)
    def step(xb, yb):
        opt.zero_grad(set_to_none=True); l = lossf(net(xb).squeeze(1), yb); l.backward(); opt.step(); return l
    if mode == "compiled": step = torch.compile(step)
    for epoch in range(2):
        start = time.perf_counter()
        if mode == "dataloader":
            dl = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=1024, shuffle=True)
            for xb, yb in dl: l = step(xb, yb)
        else:
            p = torch.randperm(n)
            for i in range(0, n, 1024):
                j = p[i:i + 1024]; l = step(x[j], y[j])
        rate = n / (time.perf_counter() - start)
    print(json.dumps({"mode": mode, "rows_per_s": round(rate), "loss": round(l.item(), 4), "threads": torch.get_num_threads()}))


gen(sys.argv[2]) if sys.argv[1] == "gen" else train(sys.argv[1], sys.argv[2])
