# The contenders that run in Python: one process per environment, driven by bench/update/python.ts through lines of JSON.
# Measures on command only; knows neither rounds nor ratios.
"""Commands: {"setup": {...}}, {"prepare": name}, {"run": name, "repeats": n}, {"first": name}; one line of answer each."""

import importlib.metadata
import json
import os
import sys
import time

# Answers go to the real standard output; whatever a library prints goes to standard error.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def torch_weights(setup):
    import torch

    torch.set_num_threads(setup["threads"])
    return [torch.full(shape, setup["values"]["live"]) for shape in setup["shapes"]]


def torch_foreach_lerp(setup):
    """Five averages are five calls: one call takes one weight for all tensors."""
    import torch

    weights = torch_weights(setup)
    rows = [[torch.full_like(weight, setup["values"]["start"]) for weight in weights] for _ in setup["decays"]]

    @torch.no_grad()
    def update():
        for decay, shadows in zip(setup["decays"], rows):
            torch._foreach_lerp_(shadows, weights, 1 - decay)

    return update, lambda: rows[0][0].flatten()[0].item()


def torch_averaged_model(setup):
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    model = torch.nn.Module()
    model.weights = torch.nn.ParameterList(torch_weights(setup))
    averaged = [AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay)) for decay in setup["decays"]]
    for average in averaged:
        average.update_parameters(model)  # the first update copies
        with torch.no_grad():
            for shadow in average.parameters():
                shadow.fill_(setup["values"]["start"])

    def update():
        for average in averaged:
            average.update_parameters(model)

    return update, lambda: next(averaged[0].parameters()).flatten()[0].item()


def tensorflow(setup):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow as tf

    if "tensorflow_ready" not in setup:
        tf.config.threading.set_intra_op_parallelism_threads(setup["threads"])
        tf.config.threading.set_inter_op_parallelism_threads(setup["threads"])
        setup["tensorflow_ready"] = True
    return tf


def tf_train_ema(setup):
    """Compiled by tf.function, as in a training step."""
    tf = tensorflow(setup)
    values = setup["values"]
    variables = [tf.Variable(tf.fill(shape, values["live"])) for shape in setup["shapes"]]
    averages = [tf.train.ExponentialMovingAverage(decay) for decay in setup["decays"]]

    @tf.function
    def update():
        for average in averages:
            average.apply(variables)

    update()  # makes the shadows
    for average in averages:
        for variable in variables:
            average.average(variable).assign(tf.fill(variable.shape, values["start"]))
    return update, lambda: float(tf.reshape(averages[0].average(variables[0]), [-1])[0])


def keras_use_ema(setup):
    """The method that Keras's own training step calls after each step, compiled by tf.function as there."""
    tf = tensorflow(setup)
    import keras

    values = setup["values"]
    variables = [keras.Variable(tf.fill(shape, values["live"])) for shape in setup["shapes"]]
    optimizers = [keras.optimizers.SGD(use_ema=True, ema_momentum=decay) for decay in setup["decays"]]
    for optimizer in optimizers:
        optimizer.build(variables)
        optimizer.iterations.assign(1)  # step 0 copies
        for average in optimizer._model_variables_moving_average:
            average.assign(tf.fill(average.shape, values["start"]))

    @tf.function
    def update():
        for optimizer in optimizers:
            optimizer._update_model_variables_moving_average(variables)

    return update, lambda: float(tf.reshape(optimizers[0]._model_variables_moving_average[0].value, [-1])[0])


def numpy_in_place(setup):
    """Three passes over one scratch array as large as the largest weight: nothing is allocated."""
    import numpy as np

    values = setup["values"]
    weights = [np.full(shape, values["live"], np.float32) for shape in setup["shapes"]]
    rows = [[np.full_like(weight, values["start"]) for weight in weights] for _ in setup["decays"]]
    scratch = np.empty(max(weight.size for weight in weights), np.float32)
    views = [scratch[: weight.size].reshape(weight.shape) for weight in weights]

    def update():
        for decay, shadows in zip(setup["decays"], rows):
            for shadow, weight, view in zip(shadows, weights, views):
                np.subtract(weight, shadow, out=view)
                np.multiply(view, np.float32(1 - decay), out=view)
                np.add(shadow, view, out=shadow)

    return update, lambda: float(rows[0][0].reshape(-1)[0])


CONTENDERS = {
    "torch-foreach-lerp": torch_foreach_lerp,
    "torch-averaged-model": torch_averaged_model,
    "tf-train-ema": tf_train_ema,
    "keras-use-ema": keras_use_ema,
    "numpy": numpy_in_place,
}


def timed(update, repeats):
    start = time.perf_counter_ns()
    for _ in range(repeats):
        update()
    return (time.perf_counter_ns() - start) / 1000


def versions():
    found = {}
    for name in ("torch", "tensorflow-cpu", "keras", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def answer(command, state):
    if "setup" in command:
        state["setup"] = command["setup"]
        return {"versions": versions()}
    if "prepare" in command:
        state[command["prepare"]] = CONTENDERS[command["prepare"]](state["setup"])
        return {}
    if "run" in command:
        return {"us": timed(state[command["run"]][0], command["repeats"])}
    return {"value": state[command["first"]][1]()}


def main():
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:  # told to the other side, which decides
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main()
