#!/usr/bin/env python3
"""Reads the parameters of a small network from one published number, where nothing masks it.

    pip install python-flint
    PLEAT_LATTICE=DIR cargo test --release -p pleat-argument --test secrecy -- --ignored instances
    python3 crates/argument/tests/secrecy/lattice.py DIR

Exits with 0 if the unmasked value gives all parameters and the masked one does not.
"""

import json
import pathlib
import sys
import time

from flint import fmpz_mat

MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617
# Makes the equation weigh more than all unknowns together.
SCALE = 1 << 40


def solve(instance):
    """The shortest unknowns that satisfy the equation: Kannan's embedding of the closest vector problem."""
    target = int(instance["target"], 16)
    coefficients = [int(c, 16) for c in instance["coefficients"]]
    n = len(coefficients)
    rows = [[int(i == j) for j in range(n)] + [0, c * SCALE] for i, c in enumerate(coefficients)]
    rows.append([0] * n + [0, MODULUS * SCALE])
    rows.append([0] * n + [1, -target * SCALE])
    reduced = fmpz_mat(rows).lll().tolist()
    for row in reduced:
        if row[n + 1] == 0 and abs(row[n]) == 1:
            return [int(x * row[n]) for x in row[:n]]
    return None


def main(folder):
    found = {}
    for name in ("unmasked", "masked"):
        instance = json.loads((pathlib.Path(folder) / f"{name}.json").read_text())
        begin = time.time()
        unknowns = solve(instance)
        truth = instance["truth"]
        found[name] = unknowns is not None and unknowns[: len(truth)] == truth
        dimension = len(instance["coefficients"]) + 2
        verdict = "all parameters" if found[name] else "not the parameters"
        print(f"{name}: dimension {dimension}, {time.time() - begin:.2f} s: {verdict}")
    return 0 if found == {"unmasked": True, "masked": False} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
