"""The exception that a user is meant to read, and what it says of other people's exceptions."""


class InputError(Exception):
    """The command or its input is wrong: one sentence that names the cause and the next step.

    The command line prints the sentence without a traceback and exits with code 2.
    """


class StoppedError(KeyboardInterrupt):
    """The user stopped a command with Ctrl-C: one sentence that says what is saved and how to continue."""


class UnsuitedError(InputError):
    """A model and a task that can never go together, such as a word index on token tags: a sweep leaves them out."""


def first_line(error: BaseException, length: int = 200) -> str:
    """The first line of an error's message, or the name of an error that has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:length]


def on_one_line(error: BaseException, length: int = 160) -> str:
    """All of an error's message on one line, or the name of an error that has none."""
    return " ".join(str(error).split())[:length] or type(error).__name__
