"""The exception that a user is meant to read."""


class InputError(Exception):
    """The command or its input is wrong: one sentence that names the cause and the next step.

    The command line prints the sentence without a traceback and exits with code 2.
    """


class UnsuitedError(InputError):
    """A model and a task that can never go together, such as a word index on token tags: a sweep leaves them out."""
