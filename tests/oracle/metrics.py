"""Computes metrics with scikit-learn and fairlearn: reads objects with labels, predictions and metrics, one a line; answers
one a line, null for a metric that is not defined.

Where these libraries put a number in place of a value that is not defined, or miscount, the formula stands here in full."""

import json
import math
import sys
import warnings

import numpy as np
from fairlearn import metrics as fair
from sklearn import metrics as sk

warnings.filterwarnings("ignore")


def main():
    for line in sys.stdin:
        case = Case(json.loads(line))
        answer = {metric["text"]: case.value(metric["name"], metric["args"]) for metric in case.metrics}
        print(json.dumps(answer), flush=True)


class Case:
    def __init__(self, case):
        self.__dict__.update(case)
        self.labels = np.array(self.labels)
        self.predictions = np.array(self.predictions).reshape(-1, self.width)
        self.one = self.predictions[:, 0]
        self.weights = None if self.weights is None else np.array(self.weights)
        self.positive = self.labels > 0

    def value(self, name, args):
        if self.weights is not None and self.weights.sum() == 0:
            return None  # No row counts.
        found = getattr(self, name)(**args)
        return None if found is None or not math.isfinite(found) else float(found)

    def counted(self, positive):
        """Whether rows of a kind have weight."""
        weights = np.ones(len(self.labels)) if self.weights is None else self.weights
        return weights[self.positive == positive].sum() > 0

    def auc(self):
        if self.counted(True) and self.counted(False):
            return sk.roc_auc_score(self.positive, self.one, sample_weight=self.weights)

    def average_precision(self):
        if self.counted(True):
            return sk.average_precision_score(self.positive, self.one, sample_weight=self.weights)

    def log_loss(self):
        if self.task == "multiclass":
            return sk.log_loss(self.labels, self.predictions, labels=range(self.width), sample_weight=self.weights)
        if (self.one < 0).any() or (self.one > 1).any():
            return None  # What is no probability has no likelihood.
        return sk.log_loss(self.positive, self.one, labels=[False, True], sample_weight=self.weights)

    def accuracy(self):
        predicted = self.predictions.argmax(1) if self.task == "multiclass" else self.one >= 0.5
        truth = self.labels if self.task == "multiclass" else self.positive
        return sk.accuracy_score(truth, predicted, sample_weight=self.weights)

    def brier(self):
        return sk.brier_score_loss(self.positive, self.one, pos_label=True, sample_weight=self.weights)

    def calibration_error(self, bins):
        """As in Guo et al.; scikit-learn has none."""
        weights = np.ones(len(self.labels)) if self.weights is None else self.weights
        edges = np.clip(np.ceil(self.one * bins) - 1, 0, bins - 1)
        total = 0.0
        for bin in range(bins):
            rows = edges == bin
            if weights[rows].sum() > 0:
                gap = np.average(self.one[rows], weights=weights[rows]) - np.average(
                    self.positive[rows], weights=weights[rows]
                )
                total += abs(gap) * weights[rows].sum()
        return total / weights.sum()

    def f1(self, threshold):
        return sk.f1_score(self.positive, self.one >= threshold, sample_weight=self.weights, zero_division=0)

    def precision(self, threshold):
        return sk.precision_score(self.positive, self.one >= threshold, sample_weight=self.weights, zero_division=0)

    def by_group(self, of):
        """The weighted mean over groups, those without a value left out."""
        sums = [0.0, 0.0]
        for group in sorted(set(self.groups)):
            rows = np.array(self.groups) == group
            weight = 1.0 if self.weights is None else self.weights[rows][0]
            value = of(self.labels[rows], self.one[rows]) if weight > 0 else None
            if value is not None:
                sums[0] += weight * value
                sums[1] += weight
        return sums[0] / sums[1] if sums[1] > 0 else None

    def by_rank(self, worth):
        """The weighted mean over rows, whose own candidate has any of the ranks that it shares with equal ones."""
        ranks = [range(int(above) + 1, int(above + beside) + 2) for above, beside in self.predictions]
        values = [np.mean([worth(rank) for rank in shared]) for shared in ranks]
        return np.average(values, weights=self.weights)

    def ndcg(self, k):
        if self.task == "retrieval":
            return self.ndcg_of_candidates(k)

        def of(grades, scores):
            if grades.sum() == 0:
                return None
            # scikit-learn refuses groups of one row, whose order is always right.
            return 1.0 if len(grades) == 1 else sk.ndcg_score([grades], [scores], k=k)

        return self.by_group(of)

    def ndcg_of_candidates(self, k):
        """As scikit-learn has it: of candidates above, those beside with the own one among them, and two below."""
        values = []
        for above, beside in self.predictions.astype(int):
            scores = [3] * above + [2] * (beside + 1) + [1] * 2
            grades = [0] * above + [1] + [0] * (beside + 2)
            values.append(sk.ndcg_score([grades], [scores], k=k))
        return np.average(values, weights=self.weights)

    def mrr(self):
        if self.task == "retrieval":
            return self.by_rank(lambda rank: 1 / rank)

        def of(grades, scores):
            found = np.flatnonzero(grades[first(scores, len(scores))] > 0)
            return 1 / (found[0] + 1) if len(found) else None

        return self.by_group(of)

    def hit_rate(self, k):
        if self.task == "retrieval":
            return self.by_rank(lambda rank: rank <= k)

        def of(grades, scores):
            return float((grades[first(scores, k)] > 0).any()) if (grades > 0).any() else None

        return self.by_group(of)

    def precision_at(self, k):
        if self.task == "retrieval":
            return self.by_rank(lambda rank: (rank <= k) / k)
        return self.by_group(lambda grades, scores: (grades[first(scores, k)] > 0).sum() / k)

    def recall(self, k):
        if self.task == "retrieval":
            return self.by_rank(lambda rank: rank <= k)

        def of(grades, scores):
            relevant = (grades > 0).sum()
            return None if relevant == 0 else (grades[first(scores, k)] > 0).sum() / relevant

        return self.by_group(of)

    def point(self):
        return self.predictions[:, len(self.quantiles) // 2]

    def rmse(self):
        return sk.root_mean_squared_error(self.labels, self.point(), sample_weight=self.weights)

    def mae(self):
        return sk.mean_absolute_error(self.labels, self.point(), sample_weight=self.weights)

    def mape(self):
        return sk.mean_absolute_percentage_error(self.labels, self.point(), sample_weight=self.weights)

    def r2(self):
        """scikit-learn has 1 or 0 where labels do not differ, or what comes of the last digit of their mean."""
        weights = np.ones(len(self.labels)) if self.weights is None else self.weights
        spread = ((self.labels - np.average(self.labels, weights=weights)) ** 2)[weights > 0]
        if len(set(self.labels[weights > 0])) < 2 or spread.sum() == 0:
            return None
        return sk.r2_score(self.labels, self.point(), sample_weight=self.weights)

    def pinball(self):
        losses = [
            sk.mean_pinball_loss(self.labels, self.predictions[:, at], alpha=quantile, sample_weight=self.weights)
            for at, quantile in enumerate(self.quantiles)
        ]
        return np.mean(losses)

    def coverage(self, low, high):
        low, high = self.quantiles.index(low), self.quantiles.index(high)
        inside = (self.predictions[:, low] <= self.labels) & (self.labels <= self.predictions[:, high])
        return np.average(inside, weights=self.weights)

    def false_alarms(self):
        weights = np.ones(len(self.labels)) if self.weights is None else self.weights
        return weights[self.one > 0.5].sum()

    def equalized_odds_difference(self, by):
        gaps = [self.gap(kind) for kind in (self.positive, ~self.positive)]
        return self.as_fairlearn(max(gaps), fair.equalized_odds_difference)

    def demographic_parity_difference(self, by):
        gap = self.gap(np.ones(len(self.labels), bool))
        return self.as_fairlearn(gap, fair.demographic_parity_difference)

    def gap(self, kind):
        """The largest difference between groups in the share of predicted rows among those of a kind; 0 of none."""
        weights = np.ones(len(self.labels)) if self.weights is None else self.weights
        shares = []
        for group in set(np.array(self.codes)[weights > 0]):
            rows = (np.array(self.codes) == group) & kind
            predicted, counted = weights[rows & (self.one >= 0.5)].sum(), weights[rows].sum()
            shares.append(predicted / counted if counted > 0 else 0.0)
        return max(shares) - min(shares)

    def as_fairlearn(self, by_formula, metric):
        """The value by its formula, held against fairlearn's.

        fairlearn 0.12 squeezes the weights of a group of one row to a number, so that its selection rate is an array and every
        difference to it 0; a single row it refuses. Neither is held against it.
        """
        rows = np.ones(len(self.labels), bool) if self.weights is None else self.weights > 0
        codes = np.array(self.codes)[rows]
        if min(np.unique(codes, return_counts=True)[1]) > 1:
            found = metric(
                self.positive[rows].astype(int),
                (self.one[rows] >= 0.5).astype(int),
                sensitive_features=codes,
                sample_weight=None if self.weights is None else self.weights[rows],
            )
            if not math.isclose(found, by_formula, abs_tol=1e-12):
                raise ValueError(f"{metric.__name__}: fairlearn {found}, by its formula {by_formula}")
        return by_formula


def first(scores, k):
    """The first rows by score, equal ones in their order."""
    return np.argsort(-scores, kind="stable")[:k]


main()
