"""The exceptions that are written for users, and one-line forms of other exceptions."""

from typing import Self


class InputError(Exception):
    """The command or its input is wrong: one sentence that names the cause and the next step.

    The command line prints the sentence without a traceback and exits with code 2.
    """


class StoppedError(KeyboardInterrupt):
    """The user stopped a command with Ctrl-C: one sentence that says what is saved and how to continue."""

    @classmethod
    def of_training(cls, has_checkpoint: bool) -> Self:
        """Of a training that the same command continues from its checkpoint, or starts again."""
        saved = "The last checkpoint is saved" if has_checkpoint else "Nothing of this run is saved yet"
        again = "continue from it" if has_checkpoint else "start again"
        return cls(f"{saved}; run the same command to {again}.")


class UnsuitedError(InputError):
    """A model and a task that do not fit together, such as a word index and token tags; a sweep leaves them out."""


def first_line(error: BaseException, length: int = 200) -> str:
    """The first line of an error's message, or the name of an error without a message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:length]


def on_one_line(error: BaseException, length: int = 160) -> str:
    """The whole message of an error on one line, or the name of an error without a message."""
    return " ".join(str(error).split())[:length] or type(error).__name__
