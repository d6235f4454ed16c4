#!/usr/bin/env python3
"""Writes divisive.json: series, and where Apache Otava splits them by E-divisive with a permutation test.

    pip install apache-otava==0.8.0 && python3 divisive.py > divisive.json

Each split has its index, its statistic, and its probability under 999 random orders. The last one of a series is the first
that Otava does not count at a level of 1 %. Clear cases only: a probability near the level would be a matter of the seed.
"""

import json

import numpy as np
from otava.analysis import PermutationsSignificanceTester
from otava.change_point_divisive.calculator import PairDistanceCalculator

LEVEL = 0.01

# Annual flow of the Nile at Aswan, 1871 to 1970. Cobb, "The problem of the Nile: conditional solution to a changepoint
# problem", Biometrika 65 (1978): it changed with the year 1899, which is index 28.
NILE = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140, 1100,
    1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831, 726, 456,
    824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897,
    822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975,
    815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
]


def made_up():
    """Seeded series: name, values, published change points."""
    rng = np.random.default_rng(20261121)

    def steps(*levels, spread):
        return np.concatenate([rng.normal(level, spread, count) for count, level in levels])

    yield "one step of 0.3 % under noise of 0.05 %", steps((20, 1520.0), (20, 1524.6), spread=0.76), None
    yield "up and down again", steps((40, 100.0), (15, 110.0), (45, 100.0), spread=2.0), None
    yield "a stair of four", steps((30, 10.0), (30, 12.0), (30, 14.0), (30, 16.0), spread=0.4), None
    yield "nothing but noise", steps((80, 58e3), spread=900.0), None
    yield "a wider spread around the same mean", np.concatenate([rng.normal(0, 1, 120), rng.normal(0, 6, 120)]), None
    yield "a long tail", np.concatenate([rng.lognormal(3, 0.5, 70), rng.lognormal(3.9, 0.5, 70)]), None
    yield "two strays in noise", np.where(np.isin(np.arange(60), [17, 41]), 130.0, rng.normal(100, 1, 60)), None


def splits(values):
    """The hierarchical splits, the first that does not count included."""
    series = np.array(values, dtype=np.float64)
    tester = PermutationsSignificanceTester(LEVEL, 999, PairDistanceCalculator, seed=1)
    calculator, points, found = PairDistanceCalculator(series), [], []
    while True:
        intervals = tester.get_intervals(points)
        candidate = calculator.get_next_candidate(intervals)
        if candidate is None:
            return found
        point = tester.change_point(candidate, series, intervals)
        found.append({"at": int(point.index), "q": float(point.qhat), "p": float(point.stats.pvalue)})
        if not point.stats.pvalue <= LEVEL:
            return found
        points = sorted([*points, point], key=lambda p: p.index)


def main():
    series = [("the flow of the Nile", NILE, [28])]
    # The example of MongoDB's signal-processing-algorithms, the first implementation that watched performance.
    series.append(("a hundred zeros and a hundred ones", [0.0] * 100 + [1.0] * 100, [100]))
    series += list(made_up())
    vectors = []
    for name, values, published in series:
        values = [float(f"{value:.6g}") for value in values]
        vectors.append({"name": name, "values": values, "splits": splits(values), "published": published})
    print("[\n" + ",\n".join(json.dumps(vector) for vector in vectors) + "\n]")


if __name__ == "__main__":
    main()
