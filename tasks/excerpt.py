"""The part of a text that a row of predictions shows: enough for a person to see what was asked, whatever the text's length."""

LENGTH = 300


def excerpt(text: str, start: int = 0, length: int = LENGTH) -> str:
    """The text, or about ``length`` characters of it around ``start``, with ``…`` where something is left out."""
    if len(text) <= length:
        return text
    first = max(0, min(start - length // 2, len(text) - length))
    cut = text[first : first + length]
    return f"{'…' if first else ''}{cut}{'…' if first + length < len(text) else ''}"
