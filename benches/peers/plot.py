"""Plots peak memory and time against model size from the JSON files of compare.py, as SVG."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot, ticker  # noqa: E402  (the backend is chosen first)

PEERS = {"pleat": ("pleat", "o", "#0b6e8f"), "ezkl": ("EZKL", "s", "#c8553d")}
WORK = {"pleat": ("prove",), "ezkl": ("witness", "prove")}

Measure = Callable[[str, dict[str, Any]], float]


def gigabytes(_name: str, peer: dict[str, Any]) -> float:
    """Peak memory of the hungriest step, reached or killed at."""
    return peer["peak_rss_bytes"] / 1e9


def seconds(name: str, peer: dict[str, Any]) -> float:
    """Seconds from an image to a proof; of a peer that failed, seconds until it did."""
    steps = peer["steps"]
    if not peer["failure"]:
        steps = [step for step in steps if step["name"] in WORK[name]]
    return sum(step["seconds"] for step in steps)


def plot(models: list[dict[str, Any]], measure: Measure, label: str, path: Path) -> None:
    """Draws one figure; a hollow mark is a run that failed or was killed."""
    figure, axes = pyplot.subplots(figsize=(6.4, 4.2), layout="constrained")
    for name, (title, marker, colour) in PEERS.items():
        points = [(row["pleat"]["activations"], measure(name, row[name]), row) for row in models]
        points.sort(key=lambda point: point[0])
        done = [(x, y) for x, y, row in points if not row[name]["failure"]]
        axes.plot(
            [x for x, _ in done], [y for _, y in done], marker=marker, color=colour, label=title
        )
        stopped = [(x, y) for x, y, row in points if row[name]["failure"]]
        if stopped:
            axes.plot(
                [x for x, _ in stopped],
                [y for _, y in stopped],
                linestyle="none",
                marker=marker,
                markerfacecolor="white",
                color=colour,
                label=f"{title}, no proof (stopped here)",
            )
        for x, y, row in points:
            axes.annotate(
                row["model"], (x, y), xytext=(6, -11), textcoords="offset points", fontsize=8
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:,g}")
        axis.set_minor_formatter(ticker.NullFormatter())
    axes.margins(0.25)
    axes.set_xlabel("activations of the network")
    axes.set_ylabel(label)
    axes.grid(which="major", color="#dddddd")
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="JSON files of compare.py")
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="folder for the plots")
    args = parser.parse_args()
    models = [row for path in args.results for row in json.loads(path.read_text())["models"]]
    plotted = [row for row in models if "activations" in row["pleat"]]
    for row in models:
        if row not in plotted:
            print(f"{row['model']} is left out: its import failed, so its size is unknown.")
    if not plotted:
        parser.error("there is nothing to plot.")
    # Text stays text: small files that can be searched.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "pleat"})
    args.output.mkdir(parents=True, exist_ok=True)
    plot(plotted, gigabytes, "peak memory (GB)", args.output / "peers-memory.svg")
    plot(plotted, seconds, "image to proof (s)", args.output / "peers-time.svg")


if __name__ == "__main__":
    main()
