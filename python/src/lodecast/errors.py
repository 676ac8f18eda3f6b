"""Everything that lodecast raises: one tree, its messages the engine's own, each with what to do about it."""

import re
import sys


class Error(Exception):
    """Anything that went wrong in lodecast."""

    def add_note(self, note: str, /) -> None:
        """Take the name of an argument that the engine did not accept, which comes as a note, into the message."""
        argument = re.fullmatch("while processing '(.+)'", note)
        if argument and self.args:
            self.args = (f"{argument[1]}: {self.args[0]}", *self.args[1:])
        elif sys.version_info >= (3, 11):
            super().add_note(note)


class ArgumentError(Error, TypeError):
    """An argument of another kind than is needed."""


class FileError(Error):
    """A file, server or database that cannot be read or written."""


class InternalError(Error):
    """A defect of lodecast itself."""


class InterruptedFit(Error):
    """A fit that was asked to stop; what was done is in its checkpoint."""


class MissingError(Error, KeyError):
    """Nothing of that name is there."""

    def __str__(self) -> str:
        # KeyError quotes its message.
        return Exception.__str__(self)


class ModelFileError(Error, ValueError):
    """A model or checkpoint file that is damaged, or is none."""


class PositionError(Error, IndexError):
    """Nothing is at that position."""


class ScheduleError(Error, ValueError):
    """A schedule that would give impossible rates."""


class SettingError(Error, ValueError):
    """A setting that is unknown, out of its range, or not what the training does."""


class StateError(Error, ValueError):
    """A saved state that does not fit."""


class SweepError(Error, ValueError):
    """A sweep, its file or its table is not usable, or there is nothing to learn from in it."""


class WindowError(Error, ValueError):
    """Points from which nothing can be forecast."""


class LodecastWarning(UserWarning):
    """Something that was left out or could not be done, and why."""
