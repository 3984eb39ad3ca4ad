"""Makes the modules beside this file, as PyTorch 2.11 scripts them, and what Python says they answer:
`.torchenv/bin/python runtime/torch/tests/modules/make.py`.
"""

import json
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent


class Normalised(nn.Module):
    """Reads any number of columns; what is not learnt stands beside what is: running means and a fixed scale."""

    def __init__(self, width: int, outputs: int, dropout: float):
        super().__init__()
        self.first = nn.Parameter(torch.randn(width, 16) / 4)
        self.mean = nn.Buffer(torch.zeros(16))
        self.variance = nn.Buffer(torch.ones(16))
        self.seen = nn.Buffer(torch.zeros((), dtype=torch.int64))
        self.scale = nn.Parameter(torch.full((16,), 1.5), requires_grad=False)
        self.last = nn.Parameter(torch.randn(16, outputs) / 4)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.dropout = dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = torch.matmul(x, self.first)
        if self.training:
            self.seen.add_(1)
        inner = torch.batch_norm(
            inner, self.scale, None, self.mean, self.variance, self.training, 0.1, 1e-5, False
        )
        inner = torch.dropout(torch.relu(inner), self.dropout, self.training)
        return torch.matmul(inner, self.last) + self.bias


class Given(nn.Module):
    """A thing that was learnt elsewhere: one number a row, without a dimension for it."""

    def __init__(self, left: float, right: float):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([left, right]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1000.0 + torch.tanh(x).matmul(self.weight)


class Raises(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(7, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > 1:
            raise ValueError("one row at a time, please")
        return x.matmul(self.weight)


class Doubled(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(7, 1, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.double().matmul(self.weight).float()


class Detached(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(7, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.matmul(self.weight).detach()


class Two(nn.Module):
    def forward(self, x: torch.Tensor):
        return x, x


def main():
    torch.manual_seed(1)
    save("normalised", Normalised(7, 1, 0.1))
    save("classes", Normalised(2, 3, 0.0))
    save("raises", Raises())
    save("doubled", Doubled())
    save("detached", Detached())
    save("two", Two())
    torch.save(Given(1.0, 1.0).state_dict(), HERE / "state.pt")
    given = save("given", Given(200.0, -50.0))
    save("other", Given(100.0, -20.0))
    rows = torch.linspace(-1, 1, 16).reshape(8, 2)
    answers = {"rows": rows.tolist(), "answers": given(rows).tolist()}
    (HERE / "given.json").write_text(json.dumps(answers, indent=1) + "\n")


def save(name, module):
    scripted = torch.jit.script(module)
    scripted.save(str(HERE / f"{name}.pt"))
    return scripted


if __name__ == "__main__":
    main()
