# Records that Python's safetensors reads what we write, checkpoints among it, and files that it wrote for us to read, into test/fixtures/.
# Writes no file of our own: src/ does. Run it with: python3 scripts/record-safetensors.py

import json
import pathlib
import subprocess

from recording import run_with

run_with("safetensors", ["safetensors==0.8.0", "numpy==2.4.6"])

import numpy as np
import safetensors
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "test" / "fixtures"

# Names that JSON must escape, a scalar, an empty tensor, sizes that put what follows off its alignment.
TENSORS = {
    "dense/kernel": ("F32", [2, 3], [0.1, -2.5, 3e-40, 1e30, 0.0, -0.0]),
    'quoted "name"\\\n': ("F32", [], [7.25]),
    "größe/重み/🙂": ("I32", [3], [-2147483648, 0, 2147483647]),
    "flags": ("BOOL", [5], [1, 0, 1, 1, 0]),
    "bytes": ("U8", [3], [0, 127, 255]),
    "empty": ("F32", [0, 4], []),
    "__proto__": ("F32", [1], [1.5]),
}
METADATA = {"format": "tfjs-ema", "note": 'line 1\nline "2" é 🙂', "constructor": "plain text"}
TYPES = {"F32": np.float32, "I32": np.int32, "BOOL": np.bool_, "U8": np.uint8}

OURS = """
import { readFileSync, writeFileSync } from 'node:fs';
import { encodeSafetensors } from './src/safetensors.ts';
const arrays = { F32: Float32Array, I32: Int32Array, BOOL: Uint8Array, U8: Uint8Array };
const { tensors, metadata } = JSON.parse(readFileSync(0, 'utf8'));
const content = new Map(tensors.map(([name, dtype, shape, values]) => [name, { dtype, shape, data: arrays[dtype].from(values) }]));
writeFileSync('test/fixtures/ours.safetensors', Buffer.concat(encodeSafetensors({ tensors: content, metadata: new Map(metadata) })));
"""

# A checkpoint as training leaves it: three averages, compensated, steps pending, best averages kept.
CHECKPOINT = """
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from './src/index.ts';
import { CHECKPOINT_OPTIONS, checkpointModel } from './test/support/checkpoint-fixture.ts';
const model = checkpointModel();
const ema = new WeightEma(tf, CHECKPOINT_OPTIONS).attach(model);
for (let step = 1; step <= 7; step += 1) {
  for (const weight of model.weights) weight.write(tf.add(weight.read(), tf.randomUniform(weight.shape, 0, 0.01, 'float32', step)));
  ema.update();
  if (step === 4) ema.consider({ epoch: 0, averages: [{ loss: 3 }, { loss: 2 }, { loss: 2.5 }] }, ['loss']);
}
ema.choose(0.99);
await ema.saveCheckpoint('test/fixtures/checkpoint.safetensors');
"""


def write_ours():
    content = {"tensors": [[name, *rest] for name, rest in TENSORS.items()], "metadata": list(METADATA.items())}
    run_typescript(OURS, json.dumps(content))
    return content


def run_typescript(program, text=""):
    command = ["npx", "tsx", "--input-type=module", "--eval", program]
    subprocess.run(command, cwd=ROOT, input=text, text=True, check=True)


def read_ours():
    """What Python's safetensors finds in our file, by name: type, shape and the bits."""
    found = {}
    with safetensors.safe_open(FIXTURES / "ours.safetensors", framework="numpy") as file:
        assert file.metadata() == METADATA, file.metadata()
        assert set(file.keys()) == set(TENSORS), file.keys()
        for name in file.keys():
            array = file.get_tensor(name)
            dtype, shape, values = TENSORS[name]
            expected = np.array(values, dtype=TYPES[dtype]).reshape(shape)
            assert array.dtype == expected.dtype and array.shape == expected.shape, name
            assert array.tobytes() == expected.tobytes(), name
            found[name] = [str(array.dtype), list(array.shape), array.tobytes().hex()]
    return found


def record_checkpoint(made_by):
    """What Python's safetensors finds in a checkpoint of ours."""
    run_typescript(CHECKPOINT)
    with safetensors.safe_open(FIXTURES / "checkpoint.safetensors", framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        metadata = {name: json.loads(file.metadata()[name]) for name in ("tfjs-ema", "standing", "bests", "settings")}
    found = {name: [str(array.dtype), list(array.shape), array.tobytes().hex()] for name, array in arrays.items()}
    record = {"madeBy": made_by, "metadata": metadata, "readByPython": found}
    (FIXTURES / "checkpoint.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return len(found)


def main():
    content = write_ours()
    arrays = {name: np.array(values, dtype=TYPES[dtype]).reshape(shape) for name, (dtype, shape, values) in TENSORS.items()}
    save_file(arrays, FIXTURES / "python.safetensors", metadata=METADATA)
    record = {
        "madeBy": f"scripts/record-safetensors.py, safetensors {safetensors.__version__}, NumPy {np.__version__}",
        **content,
        "readByPython": read_ours(),
    }
    (FIXTURES / "safetensors.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    print(f"read {record_checkpoint(record['madeBy'])} tensors of our checkpoint")
    print(f"{record['madeBy']}: read {len(record['readByPython'])} of our tensors, wrote {len(arrays)}")


main()
