# Records that Python's safetensors reads what we write, and files that it wrote for us to read, into test/fixtures/.
# Writes no file of our own: src/safetensors.ts does. Run it with: python3 scripts/record-safetensors.py

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


def write_ours():
    content = {"tensors": [[name, *rest] for name, rest in TENSORS.items()], "metadata": list(METADATA.items())}
    command = ["npx", "tsx", "--input-type=module", "--eval", OURS]
    subprocess.run(command, cwd=ROOT, input=json.dumps(content), text=True, check=True)
    return content


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
    print(f"{record['madeBy']}: read {len(record['readByPython'])} of our tensors, wrote {len(arrays)}")


main()
