#!/bin/bash
# Everything that needs a GPU, in one call: correctness, memory check, doctor, the whole tfjs path, step times, kernel benchmark beside torch.
# Each step goes on when another fails; the summary at the end says which did. The build of TensorFlow with CUDA is fetched once.
#
#   bash tools/gpu/run-all.sh OUT             on a machine with an NVIDIA GPU, after the bootstrap
#   REHEARSE=1 bash tools/gpu/run-all.sh ...  the same steps without a GPU, on the fake driver and the CPU: proves the script, measures nothing
#   STEPS="core bench" bash ...               only these of: core sanitizer doctor tfjs fit bench
#   TENSORFLOW=2.21.0 bash ...                on another TensorFlow than tfjs-node-gpu ships, for the CUDA libraries that are there
#
# OUT gets gpu.json ({gpu, driver, kernel: [{shape, k, us, gbPerS, shareOfCopy, torchUs}], fit}) and the log of each step.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
build=${BUILD:-$root/.cache/cuda-core}
rehearse=${REHEARSE:-}
steps=${STEPS:-core sanitizer doctor tfjs fit bench}
driver=libcuda.so.1
only=
on_cuda=(node "$root/tools/tensorflow/with-tf.mjs" "${TENSORFLOW:-2.9.1}" --gpu --)
[ -n "$rehearse" ] && on_cuda=(env) && driver=$build/fake/libcuda.so.1 && only="--only tiny-20,small-cnn --rounds 1" && export FAKE_CUDA_DELAY_US=2000 FAKE_GPUS=3
summary=$out/summary.txt
: > "$summary"

# step NAME SECONDS COMMAND...: runs it with a time limit, keeps its output in OUT/NAME.log and its verdict in the summary.
step() {
  local name=$1 limit=$2 started=$SECONDS verdict=ok
  shift 2
  timeout -k 10 "$limit" "$@" > "$out/$name.log" 2>&1 || verdict="FAILED ($?)"
  echo "$name: $verdict, $((SECONDS - started)) s; $(grep -v '^[IWE]0000\|^$' "$out/$name.log" | tail -n 1 | cut -c1-160)" | tee -a "$summary"
  [ "$verdict" = ok ]
}

wanted() { [[ " $steps " == *" $1 "* ]]; }

{
  nvidia-smi 2> /dev/null || echo "no nvidia-smi"
  uname -a
} > "$out/machine.log"

step configure 60 cmake -S "$root/test/native/cuda-core" -B "$build" -DCMAKE_BUILD_TYPE=Release
step build 300 cmake --build "$build" --parallel

if wanted core; then
  # The tests choose their own delays.
  FAKE_CUDA_DELAY_US=0 step core 300 "$build/cuda_core_test" "$driver"
fi
if wanted sanitizer && [ -z "$rehearse" ]; then
  if command -v compute-sanitizer > /dev/null; then
    step sanitizer 300 compute-sanitizer --tool memcheck --error-exitcode 9 "$build/cuda_core_test" "$driver" --small
    step racecheck 300 compute-sanitizer --tool racecheck --error-exitcode 9 "$build/cuda_core_test" "$driver" --small
    step initcheck 300 compute-sanitizer --tool initcheck --error-exitcode 9 "$build/cuda_core_test" "$driver" --small
  else
    echo "sanitizer: skipped, compute-sanitizer is not installed" | tee -a "$summary"
  fi
fi

shapes=$out/shapes.json
(cd "$root" && node --import tsx bench/export-shapes.ts "$shapes") || echo "shapes: FAILED" | tee -a "$summary"

export TF_CPP_MIN_LOG_LEVEL=1
cd "$root" || exit 1
if wanted doctor; then
  step doctor 180 "${on_cuda[@]}" node --import tsx src/cli/main.ts doctor --gpu
fi
if wanted tfjs; then
  step tfjs 300 "${on_cuda[@]}" node --import tsx test/native/gpu/tfjs.ts --json "$out/tfjs.json" ${rehearse:+--cpu --updates 2000}
fi
fit=
if wanted fit; then
  step fit 400 "${on_cuda[@]}" node --import tsx bench/fit.ts --json "$out/fit.json" ${rehearse:+--models small-cnn --rounds 1} && fit="--fit $out/fit.json"
fi
if wanted bench; then
  # shellcheck disable=SC2086
  step bench 500 python3 bench/gpu/compare.py --bench "$build/kernel_bench" --driver "$driver" --shapes "$shapes" --out "$out/gpu.json" $only $fit
fi
echo "---"
cat "$summary"
! grep -q FAILED "$summary"
