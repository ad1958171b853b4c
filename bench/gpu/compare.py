#!/usr/bin/env python3
"""Runs the kernel benchmark and torch's foreach_lerp on the same networks, and writes one JSON file with both.

    python3 bench/gpu/compare.py --bench BUILD/kernel_bench --shapes shapes.json --out gpu.json [--seconds 300] [--rounds 15] [--fit fit.json]

shapes.json is written by `npx tsx bench/export-shapes.ts shapes.json`. Without torch or without a GPU for it, torchUs is null.
Network by network, the file anew after each: what is done when the time is over is whole, and `skipped` names the rest.
"""
import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time

# What the goals name, first; the rest after it.
FIRST = ["resnet-50", "small-cnn", "resnet-18", "tiny-10000", "gpt-2"]
# A round of these takes a second or more, and is a mean of many calls.
LARGE = 50_000_000
ROUNDS_OF_LARGE = 3
# Sets of ten thousand tensors take longer to make than to time.
MOST_TENSORS = 40_000
ROTATED_BYTES = 512 << 20  # more than any cache: as in kernel_bench.cc
MOST_SETS = 64


def gpt2_large():
    """GPT-2 774 M: 36 blocks of width 1280; the only network too large for the CPU benchmark's list."""
    d, layers, vocabulary, context = 1280, 36, 50257, 1024
    block = [[d], [d], [d, 3 * d], [3 * d], [d, d], [d], [d], [d], [d, 4 * d], [4 * d], [4 * d, d], [d]]
    return {"name": "gpt-2-large", "shapes": [[vocabulary, d], [context, d]] + block * layers + [[d], [d]]}


def read_networks(path):
    with open(path) as file:
        networks = json.load(file)["networks"]
    found = [(n["name"], [math.prod(shape) for shape in n["shapes"]]) for n in networks + [gpt2_large()]]
    return sorted(found, key=lambda network: FIRST.index(network[0]) if network[0] in FIRST else len(FIRST))


def run_kernels(program, driver, network, rounds, limit):
    """The benchmark's lines of one network: facts about the GPU, then one measurement each; fewer when the time is over."""
    name, sizes = network
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        print(name, *sizes, file=file)
        file.flush()
        process = subprocess.Popen([program, driver, file.name, str(rounds)], stdout=subprocess.PIPE, text=True)
        try:
            text, late = process.communicate(timeout=limit)[0], False
        except subprocess.TimeoutExpired:
            process.kill()
            text, late = process.communicate()[0], True
    lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    if not late and (process.returncode != 0 or not lines):
        sys.exit(f"kernel_bench ended with {process.returncode} after {len(lines)} lines of {name}")
    return lines[:1], lines[1:]


def driver_version():
    try:
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(query, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError):
        return None


class Torch:
    """K calls of torch._foreach_lerp_ (K averages are K lists), device time by events behind a sleeping kernel."""

    def __init__(self):
        import torch

        self.torch = torch
        if not torch.cuda.is_available():
            raise RuntimeError("torch sees no GPU")

    def microseconds(self, sizes, averages, rounds):
        torch = self.torch
        bytes_per_set = 4 * sum(sizes) * (1 + averages)
        most = min(MOST_SETS, MOST_TENSORS // (len(sizes) * (1 + averages)))
        count = max(1, min(most, ROTATED_BYTES // max(1, bytes_per_set)))
        sets = [self.make_set(sizes, averages) for _ in range(count)]
        calls = 4 if len(sizes) > 1000 else 20
        times = [self.time(sets, calls) for _ in range(rounds + 1)][1:]
        del sets
        torch.cuda.empty_cache()
        return statistics.median(times)

    def make_set(self, sizes, averages):
        make = lambda: [self.torch.randn(size, device="cuda") for size in sizes]
        return make(), [make() for _ in range(averages)]

    def time(self, sets, calls):
        torch = self.torch
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        torch.cuda._sleep(200_000_000)  # cycles, about a tenth of a second: longer than the host needs to enqueue the calls
        begin.record()
        for i in range(calls):
            weights, averages = sets[i % len(sets)]
            for k, shadows in enumerate(averages):
                torch._foreach_lerp_(shadows, weights, 0.001 * (k + 1))
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) * 1000 / calls


def torch_or_why():
    """Torch, and its version or why there is none."""
    try:
        torch = Torch()
        return torch, torch.torch.__version__
    except Exception as error:  # no torch, no GPU, another CUDA: the kernel's own figures stand without it
        return None, f"none: {error}"


def measure(options, network, torch, end):
    """The facts about the GPU and the measurements of one network, with torch's where the time allows."""
    name, sizes = network
    rounds = min(options.rounds, ROUNDS_OF_LARGE) if sum(sizes) > LARGE else options.rounds
    facts, rows = run_kernels(options.bench, options.driver, network, rounds, max(5, end - time.monotonic()))
    for row in rows:
        row["us"] = row.pop("Us")
        row["torchUs"] = None
        # A combination reads K floats a weight and writes one; a copy of as many bytes would take so long.
        if "combinationUs" in row:
            moved = (row["k"] + 1) / (2 * row["k"] + 1)
            row["combinationShareOfCopy"] = row["copyUs"] * moved / row["combinationUs"]
        if torch is None or row["compensated"] or time.monotonic() > end:
            continue
        row["torchUs"] = torch.microseconds(sizes, row["k"], max(3, rounds // 3))
        row["timeOverTorch"] = row["us"] / row["torchUs"]
    return facts, rows


def show(row):
    compared = f"{row['timeOverTorch']:.2f} of torch" if row["torchUs"] else ""
    kind = "compensated" if row["compensated"] else ""
    combined = f"combination {row['combinationUs']:.1f} us" if "combinationUs" in row else ""
    print(f"{row['shape']:16} K={row['k']} {kind:11} {row['us']:10.1f} us {row['gbPerS']:7.0f} GB/s {row['shareOfCopy']:5.2f} of copy {compared} {combined}", flush=True)


def goals(rows):
    """The goals that this benchmark can judge, each with what was reached."""
    out = []

    def goal(text, values, limit, better):
        if values:
            worst = min(values) if better == "more" else max(values)
            met = worst >= limit if better == "more" else worst <= limit
            out.append({"goal": text, "worst": round(worst, 4), "met": met})

    plain = [r for r in rows if not r["compensated"]]
    compared = [r for r in plain if r.get("torchUs")]
    resnets = ("resnet-18", "resnet-50")
    goal("share of copy >= 0.93 at 1 GB moved", [r["shareOfCopy"] for r in plain if r["MB"] >= 1000], 0.93, "more")
    goal("share of copy >= 0.90 at 100 MB moved", [r["shareOfCopy"] for r in plain if r["MB"] >= 100], 0.90, "more")
    goal("small CNN <= 6 us", [r["us"] for r in plain if r["shape"] == "small-cnn" and r["k"] == 1], 6, "less")
    goal("K = 1 <= 0.85 of torch on ResNet-18/50",
         [r["timeOverTorch"] for r in compared if r["k"] == 1 and r["shape"] in resnets], 0.85, "less")
    goal("K = 1 <= 0.33 of torch on 10,000 tiny weights",
         [r["timeOverTorch"] for r in compared if r["k"] == 1 and r["shape"] == "tiny-10000"], 0.33, "less")
    goal("K = 5 <= 0.70 of five torch calls", [r["timeOverTorch"] for r in compared if r["k"] == 5], 0.70, "less")
    return out


def write(path, result):
    with open(path, "w") as file:
        json.dump(result, file, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--driver", default="libcuda.so.1")
    parser.add_argument("--shapes", required=True)
    parser.add_argument("--only", default="", help="names of networks, separated by commas")
    parser.add_argument("--seconds", type=float, default=300, help="no network is begun later")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--fit", help="JSON of bench/gpu/fit.ts, taken over as it is")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    networks = read_networks(options.shapes)
    if options.only:
        networks = [(name, sizes) for name, sizes in networks if name in options.only.split(",")]
    fit = None
    if options.fit:
        with open(options.fit) as file:
            fit = json.load(file)
    end = time.monotonic() + options.seconds
    torch, torch_version = torch_or_why()
    result = {"gpu": None, "driver": driver_version(), "torch": torch_version, "goals": [], "kernel": [], "fit": fit, "skipped": []}
    for network in networks:
        if time.monotonic() > end:
            result["skipped"].append(network[0])
            continue
        facts, rows = measure(options, network, torch, end)
        for fact in facts:
            result["gpu"] = fact["gpu"]
        if not rows:
            result["skipped"].append(network[0])
        for row in rows:
            show(row)
        result["kernel"] += rows
        result["goals"] = goals(result["kernel"])
        write(options.out, result)
    write(options.out, result)
    if not result["kernel"]:
        sys.exit(f"nothing was measured in {options.seconds:.0f} s")
    if result["skipped"]:
        print("no time for", *result["skipped"])
    for goal in result["goals"]:
        print("met   " if goal["met"] else "MISSED", goal["goal"], goal["worst"])


if __name__ == "__main__":
    main()
