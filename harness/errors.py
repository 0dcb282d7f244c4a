"""The one exception that a user is meant to read."""


class InputError(Exception):
    """The command or its input is wrong: one sentence that names the cause and the next step.

    The command line prints the sentence without a traceback and exits with code 2.
    """
