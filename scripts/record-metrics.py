# Records scikit-learn's and SciPy's values of the study's metrics, on fixed data, into test/fixtures/metrics.json.
# Holds no metric of its own beyond summing scikit-learn's bins; run it with: python scripts/record-metrics.py

import json
import pathlib
import warnings

import numpy as np
import scipy
import scipy.optimize
import scipy.spatial.distance
import scipy.special
import scipy.stats
import sklearn
import sklearn.calibration
import sklearn.metrics

SAMPLES = 400
CLASSES = 5


def draw(generator, labels):
    """Overconfident logits that favour the label in about three samples of four."""
    noise = generator.normal(size=(SAMPLES, CLASSES))
    noise[np.arange(SAMPLES), labels] += 1.5
    return np.round(3 * noise, 4)


def softmax(logits):
    return scipy.special.softmax(logits, axis=1)


def calibration_error(probabilities, labels, bins, strategy):
    """ECE from scikit-learn's calibration curve of "the prediction is right" against the confidence."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(int)
    accuracy, mean_confidence = sklearn.calibration.calibration_curve(
        right, confidence, n_bins=bins, strategy=strategy
    )
    if strategy == "uniform":
        edges = np.linspace(0, 1, bins + 1)
    else:
        edges = np.percentile(confidence, np.linspace(0, 1, bins + 1) * 100)
    members = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=bins)
    counts = members[members > 0]
    return float(np.sum(counts / SAMPLES * np.abs(accuracy - mean_confidence)))


def best_temperature(logits, labels):
    loss = lambda log_t: sklearn.metrics.log_loss(labels, softmax(logits / np.exp(log_t)))
    found = scipy.optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def paired(after, before):
    interval = scipy.stats.ttest_rel(after, before).confidence_interval(0.95)
    return {
        "after": after,
        "before": before,
        "mean": float(np.mean(np.subtract(after, before))),
        "interval": [float(interval.low), float(interval.high)],
    }


def quantiles():
    cases = [(p, n) for p in (0.6, 0.95, 0.975, 0.995, 0.025) for n in (1, 2, 3, 4, 5, 9, 10, 30, 99)]
    return [{"probability": p, "degrees": n, "value": float(scipy.stats.t.ppf(p, n))} for p, n in cases]


def main():
    generator = np.random.default_rng(11)
    labels = generator.integers(0, CLASSES, size=SAMPLES)
    first, second = draw(generator, labels), draw(generator, labels)
    p, q = softmax(first), softmax(second)
    temperature = best_temperature(first, labels)
    divergence = scipy.spatial.distance.jensenshannon(p, q, axis=1) ** 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = {
            "accuracy": sklearn.metrics.accuracy_score(labels, p.argmax(axis=1)),
            "negativeLogLikelihood": sklearn.metrics.log_loss(labels, p),
            "brier": sklearn.metrics.brier_score_loss(labels, p, scale_by_half=False),
            "ece15": calibration_error(p, labels, 15, "uniform"),
            "ece100": calibration_error(p, labels, 100, "quantile"),
            "temperature": temperature,
            "scaledNegativeLogLikelihood": sklearn.metrics.log_loss(labels, softmax(first / temperature)),
            "churn": 1 - sklearn.metrics.accuracy_score(p.argmax(axis=1), q.argmax(axis=1)),
            "jensenShannon": float(np.mean(divergence)),
        }
    record = {
        "madeBy": f"scripts/record-metrics.py, scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}",
        "classes": CLASSES,
        "labels": labels.tolist(),
        "first": first.ravel().tolist(),
        "second": second.ravel().tolist(),
        "values": values,
        "paired": [paired([0.87, 0.871, 0.866, 0.869, 0.872], [0.866, 0.864, 0.865, 0.862, 0.867]), paired([3.0, 1.0, 2.5], [1.0, 1.5, 2.0])],
        "studentQuantiles": quantiles(),
    }
    target = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "metrics.json"
    target.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print(json.dumps(values, indent=2))


main()
