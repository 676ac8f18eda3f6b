"""What Accelerate knows of batches whose gradients are accumulated into one step. It is not imported for it."""

from __future__ import annotations

import sys
from typing import Any


def batches_accumulated() -> int | None:
    """Give the number of batches in the data that is gone through, where gradients are accumulated over several of them."""
    state: Any = sys.modules.get("accelerate.state")
    if state is None:
        return None
    gradients = state.GradientState()
    return length(gradients.active_dataloader) if gradients.num_steps > 1 else None


def length(data: Any) -> int | None:
    """Give the number of batches in some data, if it is known."""
    try:
        return len(data) or None
    except TypeError:
        return None
