#!/bin/bash
# Joins the parts of stage.mjs on the machine with the GPU and makes tfjs-node run on them.
# Touches only DEST, and node_modules and build/ of the project, which must not exist or be ours.
#
#   bash unpack.sh PARTS_DIR DEST PROJECT      then: source DEST/env.sh
#
# TensorFlow's CUDA build looks its CUDA libraries up by name when it starts. A machine with the next CUDA has newer ones of
# some: links under the old names serve for a test, since the functions that a matmul needs are the same. They are no supported installation.
set -euo pipefail
parts=$1 dest=$(mkdir -p "$2" && cd "$2" && pwd) project=$(cd "$3" && pwd)

python3 - "$parts" "$dest" <<'PY'
import glob
import sys
import tarfile


class Joined:
    """The parts as one stream."""

    def __init__(self, names):
        self.names, self.file = list(names), None

    def read(self, count):
        while True:
            if self.file is None:
                if not self.names:
                    return b""
                self.file = open(self.names.pop(0), "rb")
            data = self.file.read(count)
            if data:
                return data
            self.file.close()
            self.file = None


parts, dest = sys.argv[1:]
names = sorted(glob.glob(parts + "/part-*"))
if not names:
    sys.exit(f"no parts in {parts}")
with tarfile.open(fileobj=Joined(names), mode="r|xz", bufsize=1 << 20) as archive:
    archive.extractall(dest)
PY

python3 - "$dest/lib" <<'PY'
import os
import sys
import sysconfig

lib = sys.argv[1]
# Name that TensorFlow 2.21 asks for: what may stand in for it, best first.
WANTED = {
    "libcublas.so.12": ["libcublas.so.12", "libcublas.so.13"],
    "libcublasLt.so.12": ["libcublasLt.so.12", "libcublasLt.so.13"],
    "libcufft.so.11": ["libcufft.so.11", "libcufft.so.12"],
    "libcusolver.so.11": ["libcusolver.so.11", "libcusolver.so.12"],
    "libcusparse.so.12": ["libcusparse.so.12"],
    "libcudnn.so.9": ["libcudnn.so.9"],
    "libcupti.so.12": ["libcupti.so.12", "libcupti.so.13"],
    "libnccl.so.2": ["libnccl.so.2"],
    "libnvJitLink.so.12": ["libnvJitLink.so.12", "libnvJitLink.so.13"],
    "libcurand.so.10": ["libcurand.so.10"],
}
roots = [sysconfig.get_paths()["purelib"] + "/nvidia", "/usr/local", "/usr/lib/x86_64-linux-gnu"]
options = {option for choices in WANTED.values() for option in choices}
found = {}
for root in roots:
    for folder, _, names in os.walk(root):  # follows no links: they may lead in circles
        for name in options.intersection(names):
            found.setdefault(name, os.path.join(folder, name))
folders = set()
for name, choices in WANTED.items():
    path = next((found[choice] for choice in choices if choice in found), None)
    print(f"{name:20} <- {path or 'MISSING'}")
    if path:
        folders.add(os.path.dirname(os.path.realpath(path)))
        if not os.path.lexists(f"{lib}/{name}"):
            os.symlink(path, f"{lib}/{name}")
with open(lib + "/cuda-folders", "w") as file:
    file.write(":".join(sorted(folders)))
PY

tfjs=$dest/node_modules/@tensorflow/tfjs-node
mkdir -p "$tfjs/deps/lib" "$project/build/Release"
ln -sf "$dest"/lib/libtensorflow*.so* "$tfjs/deps/lib/"
if [ -e "$project/node_modules" ] && [ ! -L "$project/node_modules" ]; then
  echo "$project/node_modules is there already; unpack into a copy of the repository" >&2
  exit 1
fi
ln -sfn "$dest/node_modules" "$project/node_modules"
cp "$dest/addon/tfjs_ema.node" "$project/build/Release/"
cat > "$dest/env.sh" <<ENV
export PATH=$dest/bin:\$PATH
export LD_LIBRARY_PATH=$dest/lib:$(cat "$dest/lib/cuda-folders"):\${LD_LIBRARY_PATH:-}
export TF_FORCE_GPU_ALLOW_GROWTH=true
ENV
echo "ready: source $dest/env.sh"
