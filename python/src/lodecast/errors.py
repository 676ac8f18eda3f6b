"""Everything that lodecast raises: one tree, its messages the engine's own, each with what to do about it."""


class Error(Exception):
    """Anything that went wrong in lodecast."""


class FileError(Error):
    """A file, server or database that cannot be read or written."""


class SweepError(Error, ValueError):
    """A sweep, its file or its table is not usable, or there is nothing to learn from in it."""


class ModelFileError(Error, ValueError):
    """A model or checkpoint file that is damaged, or is none."""


class ScheduleError(Error, ValueError):
    """A schedule that would give impossible rates."""


class SettingError(Error, ValueError):
    """A setting that is unknown or out of its range."""


class WindowError(Error, ValueError):
    """Points from which nothing can be forecast."""


class StateError(Error, ValueError):
    """A saved state that does not fit."""


class InterruptedFit(Error):
    """A fit that was asked to stop; what was done is in its checkpoint."""


class InternalError(Error):
    """A defect of lodecast itself."""


class LodecastWarning(UserWarning):
    """Something that was left out or could not be done, and why."""
