#!/usr/bin/env python3
"""Writes src/library.md from the standard library's own files.

`library.py` writes the page, `library.py --check` fails if it is not up to date. The result depends on nothing but
stdlib/*.mlsys.
"""

import re
import sys
from pathlib import Path

BOOK = Path(__file__).resolve().parent
LIBRARY = BOOK.parents[1] / "stdlib"
PAGE = BOOK / "src" / "library.md"
WIDE = 110

# What the kinds of entries are called, and where they stand in a program.
KINDS = {
    "fn": ("Functions", "Taken over with `use` and called in expressions on one row."),
    "aggregate": ("Aggregates", "Called in `features` and in labels that look ahead, with a window."),
    "connector": ("Connectors", "Behind `from` in a source."),
    "stream": ("Streams", "Behind `stream` in a source."),
    "format": ("Formats", "How the messages of a stream or sink are written."),
    "sink": ("Sinks", "Behind `into` in a deployment."),
    "export": ("Exports", "Behind `export` in a deployment."),
    "quantization": ("Quantisations", "The argument `quantize` of an export."),
    "learner": ("Learners", "Behind `learn` in a model."),
    "optimizer": ("Optimisers", "The setting `optimizer` of a training."),
    "loss": ("Losses", "The setting `loss` of a training."),
    "weight": ("Weights", "An argument of a loss, such as `positive_weight`, or the setting `sample` of a training."),
    "setting": ("Settings", "Members of `train` in a model."),
    "schedule": ("Schedules", "The setting `schedule` of a training."),
    "precision": ("Precisions", "The setting `precision` of a training."),
    "device": ("Devices", "The setting `device` of a training."),
    "split": ("Splits", "Behind `split` in a model."),
    "encoder": ("Encoders", "Behind `with` in an `encode` clause of a model."),
    "calibration": ("Calibrations", "Behind `calibrate` in a model."),
    "imputation": ("Imputations", "Behind `impute` in a model; a constant may stand there, too."),
    "search": ("Searches", "Behind `with` in `tune`."),
    "space": ("Spaces", "What is searched in `tune`, behind `in`; a list of values may stand there, too."),
    "metric": (
        "Metrics",
        "In `require`, `stop_early`, `tune` and monitors. A score is better when it is large, an error when it is small.",
    ),
    "transport": ("Transports", "Behind `serve` in a deployment."),
    "knob": ("Batching", "A clause of a deployment."),
    "auth": ("Authentication", "Behind `auth` in a deployment."),
    "explainer": ("Explainers", "Behind `explain` in a deployment."),
    "fallback": ("Fallbacks", "Behind `fallback` in a deployment; a number or an input may stand there, too."),
    "policy": ("Policies", "Behind `policy` in a bandit."),
    "signal": ("Signals", "What the serving side measures of itself: in `budget`, `abort when`, `expect` and monitors."),
    "drift": ("Drift", "In monitors, and in `expect` of a deployment."),
    "detector": ("Detectors", "In monitors. They say yes or no and are not compared."),
    "silence": ("Silence", "In monitors."),
    "quality": ("Quality", "In `expect` of a source."),
    "action": ("Actions", "Behind `then` in a monitor."),
    "channel": ("Channels", "Behind `then notify` in a monitor."),
}


def fail(path, number, message):
    sys.exit(f"{path}:{number}: {message}")


def matching(text, start):
    """The index of the bracket that closes the one at `start`."""
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] in "([") - (text[index] in ")]")
        if depth == 0:
            return index
    return -1


def parameters(text):
    """The parameters of a list, split at commas outside of brackets."""
    parts, depth, begin = [], 0, 0
    for index, char in enumerate(text):
        depth += (char in "([<") - (char in ")]>")
        if char == "," and depth == 0:
            parts.append(text[begin:index].strip())
            begin = index + 1
    last = text[begin:].strip()
    return parts + [last] if last else parts


def signature(kind, rest, path, number):
    """Name and signature of a declaration, without a function's body."""
    name = re.match(r"\w+", rest)
    opened = rest.find("(")
    closed = matching(rest, opened) if opened >= 0 else -1
    if name is None or closed < 0:
        fail(path, number, "not a declaration that this script knows")
    tail = rest[closed + 1 :].strip()
    if kind == "fn":
        tail = tail.split("=", 1)[0].strip()
    head, inside = rest[: opened + 1], parameters(rest[opened + 1 : closed])
    line = f"{head}{', '.join(inside)}) {tail}".strip()
    if len(line) > WIDE:
        line = "\n".join([head, *(f"  {each}," for each in inside), f") {tail}".strip()])
    return name.group(), line


def read(path):
    """The doc of a module and its entries: kind, name, signature, doc."""
    module, docs, entries = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("//!"):
            module.append(line[3:].strip())
        elif line.startswith("///"):
            docs.append(line[3:].strip())
        elif found := re.match(r"(?:extern (\w+)|(fn)) (.*)", line):
            kind = found.group(1) or found.group(2)
            if kind not in KINDS:
                fail(path, number, f"no heading for entries of the kind `{kind}`: add it to KINDS")
            entries.append((kind, *signature(kind, found.group(3), path, number), docs))
            docs = []
        elif not line.strip():
            docs = []
    return module, entries


def entry(name, overloads):
    lines = [f"#### {name}", ""]
    for text, docs in overloads:
        lines += ["```text", text, "```", ""]
        prose = [doc for doc in docs if not doc.startswith("Example:")]
        examples = [doc[len("Example:") :].strip() for doc in docs if doc.startswith("Example:")]
        if prose:
            lines += [*prose, ""]
        if examples:
            lines += [*(f"- {example}" for example in examples), ""]
    return lines


def page():
    modules = [(path.stem, *read(path)) for path in sorted(LIBRARY.glob("*.mlsys"))]
    lines = [
        "# The library",
        "",
        "Every entry of the standard library, by module and kind. This page is written by `docs/book/library.py` from the",
        "files under `stdlib`.",
        "",
        "A signature names parameters with type, default and bounds: `dropout: float64 = 0.0 between 0 and 0.95`. A parameter",
        "with a default may be left out. Arguments go in order or by name. `for` says for which tasks or types an entry is.",
        "Functions are taken over with `use`, such as `use std.time.{hour_of_day}`; all other entries are known everywhere.",
        "Examples behind functions hold: tests compute them.",
        "",
        "| module | has |",
        "| --- | --- |",
    ]
    for name, _, entries in modules:
        kinds = [KINDS[kind][0].lower() for kind in dict.fromkeys(kind for kind, *_ in entries)]
        lines.append(f"| [std.{name}](#std{name}) | {', '.join(kinds)} |")
    for name, docs, entries in modules:
        lines += ["", f"## std.{name}", "", *docs]
        for kind in dict.fromkeys(kind for kind, *_ in entries):
            title, where = KINDS[kind]
            lines += ["", f"### {title}", "", where, ""]
            named = {}
            for _, own, text, doc in (each for each in entries if each[0] == kind):
                named.setdefault(own, []).append((text, doc))
            for own, overloads in named.items():
                lines += entry(own, overloads)
            lines.pop()
    return "\n".join(lines) + "\n"


def main():
    text = page()
    if sys.argv[1:] == ["--check"]:
        current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        if current != text:
            sys.exit("src/library.md is not up to date: run docs/book/library.py")
    elif sys.argv[1:]:
        sys.exit("usage: library.py [--check]")
    else:
        PAGE.write_text(text, encoding="utf-8")


main()
