#!/usr/bin/env python3
"""Outputs of onnxruntime for the models and inputs that the importer's tests compare with: outputs.json.

    python3 make.py            makes the file again
    python3 make.py --check    compares it with what onnxruntime says now

Needs the packages of requirements.txt, cargo, and the shared models; see README.md.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent
STORED = HERE / "outputs.json"
# Between two machines, whose processors add in other orders; the tests ask for 1e-5 and more.
TOLERANCE = 1e-5


def written_cases(folder: str) -> list[dict]:
    """Every case that the tests look up, written by the tests themselves."""
    command = ["cargo", "test", "--release", "--locked", "-p", "pleat-model", "--test", "onnx", "--"]
    # The one that tells when nothing is compared, and counts the lines that are about to change.
    command += ["--skip", "no_reference_is_lost"]
    subprocess.run(command, cwd=HERE, env={**os.environ, "PLEAT_REFERENCE_CASES": folder}, check=True)
    cases = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        case = json.loads(path.read_text())
        case["key"] = path.stem
        case["model"] = path.with_suffix(".onnx").read_bytes()
        cases.append(case)
    return sorted(cases, key=lambda c: (c["what"], c["key"]))


def run(case: dict) -> list[list[list[float]]]:
    """Every output on every input, as flat lists."""
    model = onnx.load_model_from_string(case["model"])
    for output in model.graph.output:
        # The tests write float for all of them; ArgMax gives integers. onnxruntime finds out by itself.
        output.ClearField("type")
    options = onnxruntime.SessionOptions()
    # What is compared is what the file says, not what an optimiser made of it.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    results = []
    for values in case["inputs"]:
        x = np.array(values, dtype=np.float32).reshape(case["dims"])
        outputs = session.run(None, {name: x})
        results.append([[shortest(v) for v in o.astype(np.float32).ravel()] for o in outputs])
    return results


def shortest(value: np.float32) -> float:
    """The number with the fewest digits that is read as the same 32-bit float."""
    return float(str(value))


def text(references: list[dict]) -> str:
    lines = [json.dumps(r, separators=(",", ":")) for r in references]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def differences(old: list[dict], new: list[dict]) -> list[str]:
    """What the stored file says otherwise than onnxruntime does now."""
    was = {r["key"]: r for r in old}
    found = [f"{r['what']}: stored, but no test asks for it" for r in old if r["key"] not in {n["key"] for n in new}]
    for reference in new:
        what = reference["what"]
        stored = was.get(reference["key"])
        if stored is None:
            found.append(f"{what}: not stored")
            continue
        a = [np.array(o, dtype=np.float32) for outputs in stored["outputs"] for o in outputs]
        b = [np.array(o, dtype=np.float32) for outputs in reference["outputs"] for o in outputs]
        if [x.shape for x in a] != [x.shape for x in b]:
            found.append(f"{what}: other numbers of values")
            continue
        worst = max(float(np.max(np.abs(x - y) / np.maximum(np.abs(y), 1))) for x, y in zip(a, b))
        if not worst <= TOLERANCE:
            found.append(f"{what}: differs by {worst}")
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        references = [
            {"what": c["what"], "key": c["key"], "outputs": run(c)} for c in written_cases(folder)
        ]
    if "--check" not in sys.argv[1:]:
        STORED.write_text(text(references))
        print(f"{STORED}: {len(references)} references")
        return
    found = differences(json.loads(STORED.read_text()), references)
    if found:
        sys.exit("\n".join(found) + f"\n{STORED}: {len(found)} differences; make it again (README.md) if the tests changed")
    print(f"{len(references)} references are as onnxruntime {onnxruntime.__version__} gives them")


if __name__ == "__main__":
    main()
