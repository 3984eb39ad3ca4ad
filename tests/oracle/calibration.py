"""Calibrates probabilities with scikit-learn: takes {"probabilities": […], "labels": […]}, answers with the curves at them, and
at 0, 1 and 0.005."""

import json
import sys

import numpy as np
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

case = json.loads(sys.argv[1])
probabilities, labels = np.array(case["probabilities"]), np.array(case["labels"], float)
asked = np.append(probabilities, [0.0, 1.0, 0.005])
isotonic = IsotonicRegression(out_of_bounds="clip").fit(probabilities, labels)


def logit(at):
    at = np.clip(at, 1e-12, 1 - 1e-12)
    return np.log(at / (1 - at))


slope, offset = _sigmoid_calibration(logit(probabilities), labels)
platt = 1 / (1 + np.exp(slope * logit(asked) + offset))
print(json.dumps({"isotonic": list(isotonic.predict(asked)), "platt": list(platt)}))
