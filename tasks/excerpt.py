"""An excerpt of a text for a row of predictions: enough for a person to see the question, for texts of any length."""

LENGTH = 300


def excerpt(text: str, start: int = 0, length: int = LENGTH) -> str:
    """The text, or about ``length`` characters of it around ``start``, with ``…`` in place of omitted text."""
    if len(text) <= length:
        return text
    first = max(0, min(start - length // 2, len(text) - length))
    cut = text[first : first + length]
    return f"{'…' if first else ''}{cut}{'…' if first + length < len(text) else ''}"
