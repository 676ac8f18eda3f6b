"""A run under way: the points that are gathered, what is decided, and where decisions are shown."""

from lodecast.live import sinks

__all__ = ["sinks"]
