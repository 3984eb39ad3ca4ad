"""Computes metrics with scikit-learn: reads {"labels": […], "probabilities": […]} objects, one a line; answers one a line."""

import json
import sys

from sklearn import metrics

for line in sys.stdin:
    case = json.loads(line)
    labels, probabilities = case["labels"], case["probabilities"]
    classes = [probability >= 0.5 for probability in probabilities]
    answer = {
        "log_loss": metrics.log_loss(labels, probabilities, labels=[False, True]),
        "accuracy": metrics.accuracy_score(labels, classes),
        "brier": metrics.brier_score_loss(labels, probabilities, pos_label=True),
    }
    if any(labels):
        answer["average_precision"] = metrics.average_precision_score(labels, probabilities)
    if any(labels) and not all(labels):
        answer["auc"] = metrics.roc_auc_score(labels, probabilities)
    print(json.dumps(answer), flush=True)
