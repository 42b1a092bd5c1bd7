"""One step of EZKL's pipeline; compare.py runs each in a process of its own to measure it.

All files of a model lie in one folder under fixed names, so a step needs nothing but its name and
that folder. Only `prepare` reads the original model and data.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

STEPS = (
    "prepare",
    "settings",
    "calibrate",
    "compile",
    "srs",
    "setup",
    "witness",
    "prove",
    "verify",
)


def read_images(path: Path, count: int) -> np.ndarray:
    """Reads the first images of an IDX (.gz too) or .npy file as N x rows x columns x channels."""
    if path.suffix == ".npy":
        images = np.load(path, mmap_mode="r")[:count]
    else:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            header = file.read(4)
            if header[:3] != b"\0\0\x08":
                sys.exit(f"{path.name} is neither .npy nor an IDX file of bytes.")
            shape = np.frombuffer(file.read(4 * header[3]), dtype=">u4").astype(int)
            shape[0] = min(count, shape[0])
            images = np.frombuffer(file.read(int(shape.prod())), dtype=np.uint8).reshape(shape)
    if len(images) < count:
        sys.exit(f"{path.name} has {len(images)} images; {count} were asked for.")
    return images.reshape(*images.shape[:3], -1).astype(np.float64)


def numbers(text: str) -> np.ndarray:
    """Parses '0.5' or '0.485,0.456,0.406'."""
    return np.array([float(Fraction(part)) for part in text.split(",")])


def prepare(folder: Path, args: argparse.Namespace) -> None:
    """Writes the model with a batch of one, the image to prove and the images to calibrate with."""
    import onnx

    model = onnx.load(args.model)
    for value in (*model.graph.input, *model.graph.output):
        batch = value.type.tensor_type.shape.dim[0]
        batch.ClearField("dim_param")
        batch.dim_value = 1
    spell_out_defaults(model)
    onnx.save(model, folder / "network.onnx")

    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    images = read_images(args.data, max(1, args.calibration_images))
    images = (images * float(Fraction(args.input_scale)) - numbers(args.mean)) / numbers(args.std)
    if len(shape) == 4 and shape[1:] == [images.shape[3], *images.shape[1:3]]:
        images = images.transpose(0, 3, 1, 2)
    if int(np.prod(shape)) != images[0].size:
        sys.exit(
            f"The network takes an input of shape {shape}; an image has {images[0].size} values."
        )
    flat = images.reshape(len(images), -1)
    write_input(folder / "input.json", flat[:1])
    write_input(folder / "calibration.json", flat[: args.calibration_images])


def spell_out_defaults(model: onnx.ModelProto) -> None:
    """Writes out attributes that ONNX lets a model leave out and EZKL refuses to miss."""
    from onnx import helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in ("Conv", "MaxPool", "AveragePool"):
            continue
        given = {attribute.name: attribute for attribute in node.attribute}
        if "kernel_shape" in given:
            kernel = list(given["kernel_shape"].ints)
        elif node.input[1] in weights:
            kernel = list(weights[node.input[1]].dims[2:])
        else:
            continue
        defaults: dict[str, int | list[int]] = {
            "kernel_shape": kernel,
            "strides": [1] * len(kernel),
        }
        if "auto_pad" not in given:
            defaults["pads"] = [0] * (2 * len(kernel))
        if node.op_type != "AveragePool":
            defaults["dilations"] = [1] * len(kernel)
        if node.op_type == "Conv":
            defaults["group"] = 1
        for name, value in defaults.items():
            if name not in given:
                node.attribute.append(helper.make_attribute(name, value))


def write_input(path: Path, images: np.ndarray) -> None:
    """Writes images one after the other, the way EZKL reads several inputs."""
    path.write_text(json.dumps({"input_data": [images.ravel().tolist()]}))


def run(step: str, folder: Path) -> None:
    """Runs a step of EZKL, and stops with a sentence if EZKL says that it failed."""
    import ezkl

    names = {
        "data": "input.json",
        "calibration": "calibration.json",
        "network": "network.onnx",
        "settings": "settings.json",
        "circuit": "circuit.ezkl",
        "srs": "key.srs",
        "pk": "proving.key",
        "vk": "verifying.key",
        "witness": "witness.json",
        "proof": "proof.json",
    }
    path = {key: str(folder / name) for key, name in names.items()}

    if step == "settings":
        options = ezkl.PyRunArgs()
        options.input_visibility = "public"
        options.output_visibility = "public"
        options.param_visibility = "private"
        done = ezkl.gen_settings(path["network"], path["settings"], py_run_args=options)
    elif step == "calibrate":
        done = ezkl.calibrate_settings(
            path["calibration"], path["network"], path["settings"], "resources"
        )
    elif step == "compile":
        done = ezkl.compile_circuit(path["network"], path["circuit"], path["settings"])
    elif step == "srs":
        settings = json.loads(Path(path["settings"]).read_text())
        ezkl.gen_srs(path["srs"], settings["run_args"]["logrows"])
        done = Path(path["srs"]).is_file()
    elif step == "setup":
        done = ezkl.setup(path["circuit"], path["vk"], path["pk"], path["srs"])
    elif step == "witness":
        done = ezkl.gen_witness(path["data"], path["circuit"], path["witness"])
    elif step == "prove":
        done = ezkl.prove(path["witness"], path["circuit"], path["pk"], path["proof"], path["srs"])
    else:
        done = ezkl.verify(path["proof"], path["settings"], path["vk"], path["srs"])
    if not done:
        sys.exit(f"EZKL reports that the step '{step}' did not succeed.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--input-scale", default="1")
    parser.add_argument("--mean", default="0")
    parser.add_argument("--std", default="1")
    parser.add_argument("--calibration-images", type=int, default=1)
    args = parser.parse_args()
    if args.step == "prepare":
        prepare(args.folder, args)
    else:
        run(args.step, args.folder)


if __name__ == "__main__":
    main()
