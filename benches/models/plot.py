"""Plots peak memory and time against model size and number of samples from the JSON of measure.py, as SVG."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot, ticker

COLOURS = ("#0b6e8f", "#c8553d", "#5a8f3d", "#7a5195", "#b58a00")
Row = dict[str, Any]


def axes_of(path: Path, horizontal: str, series: dict[str, list[tuple[float, Row]]]) -> None:
    """Two panels side by side, memory and time, with a line for every series."""
    figure, panels = pyplot.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained")
    for axes, label in zip(panels, ("peak memory (GB)", "prove, whole command (s)"), strict=True):
        memory = label.startswith("peak")
        top = 0.0
        for (name, points), colour in zip(series.items(), COLOURS, strict=False):
            points = sorted(points, key=lambda point: point[0])
            values = [p["prove"]["peak_bytes"] / 1e9 if memory else p["prove"]["wall_seconds"] for _, p in points]
            top = max(top, *values)
            axes.plot([x for x, _ in points], values, marker="o", color=colour, label=name)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.margins(x=0.1)
        axes.set_ylim(0, 1.1 * top)
        axes.set_xlabel(horizontal)
        axes.set_ylabel(label)
        axes.grid(which="major", color="#dddddd")
    panels[0].legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def by(rows: list[Row], name: str, value: str) -> dict[str, list[tuple[float, Row]]]:
    """Rows grouped by a name, with the value they are plotted over."""
    series: dict[str, list[tuple[float, Row]]] = {}
    for row in rows:
        series.setdefault(str(row[name]), []).append((row[value], row))
    return series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="JSON files of measure.py")
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="folder for the plots")
    args = parser.parse_args()
    rows = [row for path in args.results for row in json.loads(path.read_text())["proofs"]]
    # Text stays text: small files that can be searched.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "pleat"})
    args.output.mkdir(parents=True, exist_ok=True)
    single = [row | {"class": f"2^{row['prove']['setup']['row_bits']} rows"} for row in rows if row["samples"] == 1]
    if single:
        axes_of(
            args.output / "model-size.svg", "activations of the network, one image", by(single, "class", "activations")
        )
    models = {row["model"] for row in rows if row["samples"] > 1}
    many = [row for row in rows if row["model"] in models]
    if many:
        axes_of(args.output / "samples.svg", "images in one proof", by(many, "model", "samples"))


if __name__ == "__main__":
    main()
