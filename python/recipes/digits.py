"""The recipes' data: scikit-learn's handwritten digits, 8 x 8 pixels, shifted at random so that they are not learned at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits


def digits() -> tuple[Any, Any, Any, Any]:
    """Give images (rows, 1, 8, 8) and labels for training, and those for validation."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    random = np.random.default_rng(0)
    shifts = random.integers(-1, 2, (len(images), 2))
    images = np.stack([np.roll(image, shift, axis=(1, 2)) for image, shift in zip(images, shifts, strict=True)])
    images += 0.3 * random.standard_normal(images.shape, np.float32)
    order = random.permutation(len(images))
    training, validation = order[:1000], order[1000:]
    return images[training], labels[training], images[validation], labels[validation]
