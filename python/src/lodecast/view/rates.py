"""Which axis learning rates are drawn on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

#: What is so many times apart is drawn on a logarithmic axis.
DECADES = 30.0


def logarithmic(curves: Iterable[NDArray[np.float64]]) -> tuple[float, float] | None:
    """Give the ends of a logarithmic axis for curves that are far apart but for a last fall to zero, or nothing."""
    known = [curve[curve > 0.0] for curve in curves if (curve > 0.0).any()]
    if not known:
        return None
    highest = max(float(curve.max()) for curve in known)
    middling = min(float(np.quantile(curve, 0.1)) for curve in known)
    return (0.3 * middling, 1.3 * highest) if highest > DECADES * middling else None
