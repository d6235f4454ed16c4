"""Writes statistics.json: samples, and what scipy makes of them.

    python3 -m venv venv && venv/bin/pip install scipy==1.15.3 && venv/bin/python statistics.py

The samples are those of trials: positive, their logarithms compared, with ties and outliers. The same scipy writes the
same file.
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats

RESAMPLES = 9999


def shift(first, second):
    """The Hodges-Lehmann shift: the median of all pairwise differences."""
    return float(np.median(np.subtract.outer(second, first)))


def pseudo_median(values):
    """The Hodges-Lehmann centre: the median of the Walsh averages."""
    i, j = np.triu_indices(len(values))
    return float(np.median((values[i] + values[j]) / 2))


def shifts(first, second, axis=-1):
    """`shift` of many resamples at once."""
    pairs = second[..., :, None] - first[..., None, :]
    return np.median(pairs.reshape(*pairs.shape[:-2], -1), axis=-1)


def pseudo_medians(values, axis=-1):
    """`pseudo_median` of many resamples at once."""
    i, j = np.triu_indices(values.shape[-1])
    return np.median((values[..., i] + values[..., j]) / 2, axis=-1)


def interval(data, statistic, level):
    """scipy's percentile bootstrap."""
    found = stats.bootstrap(
        data, statistic, method="percentile", confidence_level=level, n_resamples=RESAMPLES, vectorized=True,
        batch=500, rng=np.random.default_rng(20240601),
    ).confidence_interval
    return [float(found.low), float(found.high)]


def two_samples(name, first, second):
    first, second = np.asarray(first, float), np.asarray(second, float)
    tied = len(np.unique(np.concatenate([first, second]))) < len(first) + len(second)
    exact = not tied and max(len(first), len(second)) <= 25
    test = stats.mannwhitneyu(first, second, alternative="two-sided", method="exact" if exact else "asymptotic")
    case = {
        "name": name, "first": first.tolist(), "second": second.tolist(), "u": float(test.statistic),
        "p": float(test.pvalue), "shift": shift(first, second),
    }
    if len(first) >= 5 and len(second) >= 5 and len(first) * len(second) <= 4096:
        case["interval_95"] = interval((first, second), shifts, 0.95)
        case["interval_90"] = interval((first, second), shifts, 0.90)
    return case


def pairs(name, differences):
    differences = np.asarray(differences, float)
    moved = differences[differences != 0]
    exact = len(moved) == len(differences) <= 50 and len(np.unique(np.abs(moved))) == len(moved)
    test = stats.wilcoxon(differences, zero_method="wilcox", correction=False, method="exact" if exact else "approx")
    return {
        "name": name, "differences": differences.tolist(), "p": float(test.pvalue),
        "pseudo_median": pseudo_median(differences),
        "interval_95": interval((differences,), pseudo_medians, 0.95),
        "interval_90": interval((differences,), pseudo_medians, 0.90),
    }


def main():
    rng = np.random.default_rng(7)
    log = lambda n, cv, mean=58_000.0: np.log(mean * rng.lognormal(0.0, cv, n)).round(9)
    outliers = lambda values: np.where(np.arange(len(values)) % 9 == 4, values - 0.4, values)
    cases = [
        two_samples("a/a, 3 each", log(3, 0.0002), log(3, 0.0002)),
        two_samples("3 against 5", log(3, 0.0002), log(5, 0.0002, 58_600)),
        two_samples("a/a, 10 each", log(10, 0.05), log(10, 0.05)),
        two_samples("7 % slower, 10 each", log(10, 0.05), log(10, 0.05, 54_000)),
        two_samples("3 % faster, 20 against 25", log(20, 0.02), log(25, 0.02, 59_740)),
        two_samples("outliers, 18 each", outliers(log(18, 0.03)), outliers(log(18, 0.03, 57_000))),
        two_samples("ties, 12 each", log(12, 0.02).round(2), log(12, 0.02, 58_500).round(2)),
        two_samples("all equal", [10.0] * 6, [10.0] * 6),
        two_samples("beyond the exact table, 30 each", log(30, 0.05), log(30, 0.05, 56_000)),
        two_samples("long tails, 26 against 9", rng.standard_t(2, 26).round(9), rng.standard_t(2, 9).round(9)),
        two_samples("large, 90 against 110", log(90, 0.05), log(110, 0.05, 57_500)),
        two_samples("one against one", [1.0], [2.0]),
    ]
    blocks = [
        pairs("a/a, 10 blocks", rng.normal(0, 0.01, 10).round(9)),
        pairs("2 % slower, 12 blocks", rng.normal(-0.02, 0.015, 12).round(9)),
        pairs("ties and a zero", np.concatenate([(tied := rng.normal(0.01, 0.02, 12).round(9)), tied[:2], [0.0]])),
        pairs("skewed, 40 blocks", (rng.exponential(0.02, 40) - 0.012).round(9)),
        pairs("large, 80 blocks", rng.normal(0.003, 0.02, 80).round(9)),
    ]
    written = {
        "scipy": scipy.__version__, "resamples": RESAMPLES, "two_samples": cases, "pairs": blocks,
        "student": [
            {"z": float(stats.norm.ppf(q)), "degrees": d, "t": float(stats.t.ppf(q, d))}
            for q in (0.95, 0.975) for d in (4, 5, 8, 9, 18, 30, 100)
        ],
        "upper_tail": [{"z": z, "p": float(stats.norm.sf(z))} for z in (-2.5, 0.0, 0.3, 1.0, 1.96, 3.0, 5.0, 8.0)],
    }
    path = pathlib.Path(__file__).with_name("statistics.json")
    path.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
