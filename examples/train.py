#!/usr/bin/python3
"""Trains the two models of the examples and writes what the model server and the client need.

The task: which digit, 0 to 9, is drawn in an image of 8 by 8 pixels (the "digits" data set of the UCI repository, which
scikit-learn ships: 1,797 images of 43 people's handwriting). Three fifths of the rows train, two fifths are held out.

  baseline  multinomial logistic regression that sees the image at half the resolution: 16 averages of 2 by 2 pixels
  enhanced  a neural network with one hidden layer of 32 units over all 64 pixels

Both are written as plain dense layers over the 64 pixels (averaging and scaling are folded into the first layer's weights), in
the JSON form of weir.example.Model (model.proto). heldout.csv has one held-out row a line: the true digit, what each
model says, and the pixels. The predictions come from the weights as they were written, so whoever reads the files and multiplies
gets the same ones.

Everything is seeded: with Debian 12's scikit-learn a second run writes the same files.
"""

import json
import pathlib
import sys
import warnings

import numpy
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 7
FULL_INK = 16.0  # Pixels are whole numbers from 0 to 16.
SIGNIFICANT_DIGITS = 6


def averaging_matrix():
    """64 pixels -> 16 averages of 2 by 2, as a matrix to multiply rows with."""
    matrix = numpy.zeros((64, 16))
    for y in range(8):
        for x in range(8):
            matrix[8 * y + x, 4 * (y // 2) + x // 2] = 0.25
    return matrix


def train_baseline(pixels, digits):
    averaging = averaging_matrix() / FULL_INK
    model = LogisticRegression(C=1.0, max_iter=5000, random_state=SEED).fit(pixels @ averaging, digits)
    return [(averaging @ model.coef_.T, model.intercept_)]


def train_enhanced(pixels, digits):
    model = MLPClassifier((32,), activation="relu", alpha=0.01, max_iter=600, random_state=SEED)
    model.fit(pixels / FULL_INK, digits)
    (first, second), (first_bias, second_bias) = model.coefs_, model.intercepts_
    return [(first / FULL_INK, first_bias), (second, second_bias)]


def rounded(values):
    return [float(f"%.{SIGNIFICANT_DIGITS}g" % v) for v in values]


def as_document(version, description, layers):
    document = {"version": version, "description": description, "layers": []}
    for number, (weights, bias) in enumerate(layers):
        document["layers"].append({
            "inputs": weights.shape[0],
            "outputs": weights.shape[1],
            "weights": rounded(weights.flatten()),  # Row by row: all weights of the first input, then of the second, ...
            "bias": rounded(bias),
            "activation": "IDENTITY" if number + 1 == len(layers) else "RELU",
        })
    return document


def predict(document, pixels):
    values = pixels
    for layer in document["layers"]:
        weights = numpy.array(layer["weights"]).reshape(layer["inputs"], layer["outputs"])
        values = values @ weights + numpy.array(layer["bias"])
        if layer["activation"] == "RELU":
            values = numpy.maximum(values, 0)
    return values.argmax(axis=1)


def main():
    # Where to write; the committed files are in models/ beside this script.
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "models")
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("error", ConvergenceWarning)

    pixels, digits = load_digits(return_X_y=True)
    train, held_out, train_digits, held_out_digits = train_test_split(
        pixels, digits, test_size=0.4, random_state=SEED, stratify=digits)
    documents = {
        "baseline": as_document("1", "logistic regression over 16 averages of 2 by 2 pixels",
                                train_baseline(train, train_digits)),
        "enhanced": as_document("2", "neural network, 32 hidden units over 64 pixels",
                                train_enhanced(train, train_digits)),
    }

    predictions = {}
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
        predictions[name] = predict(document, held_out)
        right = int((predictions[name] == held_out_digits).sum())
        print(f"{name} accuracy {right / len(held_out):.4f} ({right} of {len(held_out)} held-out rows)")

    with open(folder / "heldout.csv", "w", encoding="ascii") as rows:
        rows.write(",".join(["digit", *documents] + [f"p{i}" for i in range(64)]) + "\n")
        for i, row in enumerate(held_out):
            cells = [held_out_digits[i], *(predictions[name][i] for name in documents), *row]
            rows.write(",".join(str(int(cell)) for cell in cells) + "\n")


if __name__ == "__main__":
    main()
