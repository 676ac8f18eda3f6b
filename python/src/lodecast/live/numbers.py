"""What is measured, and steps, as numbers, with advice where something else was given. Nothing of torch is imported."""

from __future__ import annotations

import operator
from typing import Any

from lodecast.errors import ArgumentError, SettingError


def number(name: str, value: Any) -> float | None:
    """Give a measured value as a number; tensors and arrays of one value are numbers, too.

    Raises:
        ArgumentError: If it is none.

    """
    if value is None:
        return None
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError):
        raise ArgumentError(f"{name} is {value!r}: give one number") from None


def whole(name: str, value: Any) -> int:
    """Give a whole number of at least 0, also one of numpy's or a tensor.

    Raises:
        ArgumentError: If it is no number.
        SettingError: If it is negative, or no whole number.

    """
    if isinstance(value, float):
        if not value.is_integer():
            raise SettingError(f"{name} = {value!r}: no whole number; optimizer steps are counted, not epochs or parts of them")
        value = int(value)
    try:
        if isinstance(value, bool):
            raise TypeError
        count = operator.index(value)
    except (TypeError, RuntimeError):
        raise ArgumentError(f"{name} is {value!r}: give a whole number of at least 0") from None
    if count < 0:
        raise SettingError(f"{name} = {count}: give a whole number of at least 0")
    return count
