"""The exceptions that are written for users, and one-line forms of other exceptions."""


class InputError(Exception):
    """The command or its input is wrong: one sentence that names the cause and the next step.

    The command line prints the sentence without a traceback and exits with code 2.
    """


class StoppedError(KeyboardInterrupt):
    """The user stopped a command with Ctrl-C: one sentence that says what is saved and how to continue."""


class UnsuitedError(InputError):
    """A model and a task that do not fit together, such as a word index and token tags; a sweep leaves them out."""


def first_line(error: BaseException, length: int = 200) -> str:
    """The first line of an error's message, or the name of an error without a message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:length]


def on_one_line(error: BaseException, length: int = 160) -> str:
    """The whole message of an error on one line, or the name of an error without a message."""
    return " ".join(str(error).split())[:length] or type(error).__name__
