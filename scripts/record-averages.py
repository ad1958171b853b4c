# Records what other libraries make of one recorded sequence of weights, into test/fixtures/averages.json.
# Holds no average of its own: each runs in the library that it is named after. Run it with: python3 scripts/record-averages.py

import base64
import importlib.metadata
import importlib.util
import json
import pathlib

from recording import run_with

PACKAGES = ["timm==1.0.31", "ema-pytorch==0.8.3", "torch-ema==0.3"]
# Without their dependencies: torchvision, accelerate and the like are not needed for an average.
run_with("averages", ["torch==2.13.0", "numpy==2.4.6"], ["--no-deps", *PACKAGES], ["optax==0.2.8"])

import jax
import jax.numpy
import numpy as np
import optax
import torch
from ema_pytorch import EMA
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn
from torch_ema import ExponentialMovingAverage

STEPS = 60
SHAPES = {"kernel": (4, 3), "bias": (3,), "filter": (2, 2, 1, 2)}


def timm_ema_v3():
    """timm's ModelEmaV3 from its own file: the package itself would import torchvision."""
    package = importlib.util.find_spec("timm").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("model_ema", pathlib.Path(package) / "utils" / "model_ema.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ModelEmaV3


def sequence():
    """Weights before the first step and after each: a drift with noise, as of training."""
    generator = np.random.default_rng(20241127)
    now = {name: generator.normal(size=shape) for name, shape in SHAPES.items()}
    goal = {name: generator.normal(size=shape) for name, shape in SHAPES.items()}
    states = []
    for _ in range(STEPS + 1):
        states.append({name: value.astype(np.float32) for name, value in now.items()})
        now = {name: value + 0.05 * (goal[name] - value) + 0.1 * generator.normal(size=value.shape) for name, value in now.items()}
    return states


class Weights(torch.nn.Module):
    """A model that is nothing but its weights."""

    def __init__(self, state):
        super().__init__()
        for name, value in state.items():
            self.register_parameter(name, torch.nn.Parameter(torch.from_numpy(value.copy())))

    def set(self, state):
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.from_numpy(state[name]))


def arrays(model):
    return {name: parameter.detach().numpy().copy() for name, parameter in model.named_parameters()}


def torch_averaged(states, average, every=1):
    """AveragedModel takes the first weights it is given as they are, so it is given those before the first step."""
    model = Weights(states[0])
    averaged = AveragedModel(model, multi_avg_fn=average)
    averaged.update_parameters(model)
    for step, state in enumerate(states[1:], 1):
        model.set(state)
        if step % every == 0:
            averaged.update_parameters(model)
    return arrays(averaged.module)


def torch_swa(states):
    """The plain mean of the weights after each step."""
    model = Weights(states[0])
    averaged = AveragedModel(model, multi_avg_fn=get_swa_multi_avg_fn())
    for state in states[1:]:
        model.set(state)
        averaged.update_parameters(model)
    return arrays(averaged.module)


def timm_v3(states, with_steps, **options):
    model = Weights(states[0])
    averaged = timm_ema_v3()(model, **options)
    for step, state in enumerate(states[1:], 1):
        model.set(state)
        averaged.update(model, step=step) if with_steps else averaged.update(model)
    return arrays(averaged.module)


def torch_ema(states, decay, use_num_updates):
    model = Weights(states[0])
    averaged = ExponentialMovingAverage(model.parameters(), decay=decay, use_num_updates=use_num_updates)
    for state in states[1:]:
        model.set(state)
        averaged.update()
    averaged.copy_to()
    return arrays(model)


def ema_pytorch(states, **options):
    model = Weights(states[0])
    averaged = EMA(model, include_online_model=False, **options)
    for state in states[1:]:
        model.set(state)
        averaged.update()
    return arrays(averaged.ema_model)


def optax_ema(states, decay, debias):
    """In float64: in float32 its `1 - decay ** n` is off by 1e-5 at decay 0.999, which is not what is to be compared."""
    jax.config.update("jax_enable_x64", True)
    transform = optax.ema(decay, debias=debias)
    tree = {name: jax.numpy.asarray(value, dtype=np.float64) for name, value in states[0].items()}
    state = transform.init(tree)
    for weights in states[1:]:
        tree, state = transform.update({name: jax.numpy.asarray(value, dtype=np.float64) for name, value in weights.items()}, state)
    return {name: np.asarray(value) for name, value in tree.items()}


def encode(values):
    """Float32 in little-endian order, one tensor after the other in the order of `shapes`."""
    return base64.b64encode(b"".join(values[name].astype("<f4").tobytes() for name in SHAPES)).decode()


def main():
    states = sequence()
    ema = get_ema_multi_avg_fn
    runs = {
        "torch AveragedModel(get_ema_multi_avg_fn(0.9))": torch_averaged(states, ema(0.9)),
        "torch AveragedModel(get_ema_multi_avg_fn(0.999))": torch_averaged(states, ema(0.999)),
        "torch AveragedModel(get_ema_multi_avg_fn(0.9 ** 4)), every 4 steps": torch_averaged(states, ema(0.9**4), 4),
        "torch AveragedModel(get_swa_multi_avg_fn())": torch_swa(states),
        "timm ModelEmaV3(decay=0.9)": timm_v3(states, False, decay=0.9),
        "timm ModelEmaV3(decay=0.99, use_warmup=True)": timm_v3(states, True, decay=0.99, use_warmup=True),
        "timm ModelEmaV3(decay=0.8, use_warmup=True, warmup_gamma=2, warmup_power=0.75)": timm_v3(
            states, True, decay=0.8, use_warmup=True, warmup_gamma=2, warmup_power=0.75
        ),
        "torch_ema ExponentialMovingAverage(decay=0.95)": torch_ema(states, 0.95, True),
        "torch_ema ExponentialMovingAverage(decay=0.95, use_num_updates=False)": torch_ema(states, 0.95, False),
        "ema_pytorch EMA(beta=0.95, update_after_step=10, update_every=1)": ema_pytorch(
            states, beta=0.95, update_after_step=10, update_every=1
        ),
        "optax ema(0.9, debias=True)": optax_ema(states, 0.9, True),
        "optax ema(0.999, debias=True)": optax_ema(states, 0.999, True),
    }
    versions = {name: importlib.metadata.version(name) for name in ("torch", "timm", "torch-ema", "ema-pytorch", "optax", "numpy")}
    record = {
        "madeBy": "scripts/record-averages.py, " + ", ".join(f"{name} {version}" for name, version in versions.items()),
        "shapes": {name: list(shape) for name, shape in SHAPES.items()},
        "weights": [encode(state) for state in states],
        "averages": {name: encode(values) for name, values in runs.items()},
    }
    target = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "averages.json"
    target.write_text(json.dumps(record, indent=1) + "\n")
    print(record["madeBy"])


main()
