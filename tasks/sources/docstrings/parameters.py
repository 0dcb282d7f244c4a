"""The documentation of parameters in docstrings: description, type and default, by offset, in numpydoc and Google sections."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMPY_HEADING = re.compile(r"^(Other )?Parameters$")
_UNDERLINE = re.compile(r"^-{3,}$")
_NUMPY_ITEM = re.compile(r"^(?P<name>\w+)(?:\s*:\s*(?P<kind>\S.*?))?\s*$")
_GOOGLE_HEADING = re.compile(r"^(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments):$")
_GOOGLE_ITEM = re.compile(r"^(?P<name>\w+)(?:\s*\((?P<kind>.*?)\))?\s*:(?:\s+(?P<rest>\S.*))?$")
_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)[.](?=\s|$)")
_END_OF_TYPE = re.compile(r"[\s,]*\*?\b(optional|defaults?|required|keyword-only)\b.*$|[\s,]+$", re.IGNORECASE)
_DEFAULT = re.compile(
    r"\bdefaults?(?:\s+(?:to|is|value is)|\s*[=:])\s*[`'\"*]*(?P<value>[^\s`'\"*,;()\[\]{}]+)", re.IGNORECASE
)
_WORDS = range(3, 26)
MAX_TYPE = 60


@dataclass(frozen=True, slots=True)
class Context:
    """A docstring without the blanks at the beginning and end of its lines, and the new place of each line."""

    text: str
    lines: tuple[str, ...]
    indents: tuple[int, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A documented parameter: for each kind of question that its entry answers (`description`, `type`, `default`), the
    first character of the answer in `Context.text` and the one after the last.
    """

    name: str
    answers: dict[str, tuple[int, int]]


def flattened(docstring: str, max_characters: int) -> Context:
    """The docstring's lines without indentation: as many complete ones as fit."""
    lines: list[str] = []
    indents: list[int] = []
    starts: list[int] = []
    position = 0
    for line in docstring.expandtabs().split("\n"):
        content = line.strip()
        if position + len(content) > max_characters:
            break
        lines.append(content)
        indents.append(len(line) - len(line.lstrip()))
        starts.append(position)
        position += len(content) + 1
    return Context("\n".join(lines), tuple(lines), tuple(indents), tuple(starts))


def parameters(context: Context) -> list[Parameter]:
    """The parameters with their own entries in the docstring; a name with two entries is left out."""
    found: dict[str, Parameter] = {}
    repeated: set[str] = set()
    for item, body in _items(context):
        parameter = _read(context, item, body)
        if parameter.name in found:
            repeated.add(parameter.name)
        found[parameter.name] = parameter
    return [parameter for name, parameter in found.items() if name not in repeated]


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    line: int
    kind: tuple[int, int] | None  # columns of the type in its line
    rest: int | None  # column of the description that begins in the same line


def _items(context: Context) -> Iterator[tuple[_Item, range]]:
    """Every entry of a parameter section, and the lines of the first paragraph below it."""
    for heading, first, google in _sections(context):
        line = first
        base = context.indents[first] if first < len(context.lines) else 0
        while line < len(context.lines) and not _ends(context, line, heading, base, google):
            item = _item(context, line, google) if context.lines[line] and context.indents[line] == base else None
            end = line + 1
            while item and end < len(context.lines) and context.lines[end] and context.indents[end] > base:
                end += 1
            if item and end < len(context.lines):  # the last line may be where the docstring was cut
                yield item, range(line + 1, end)
            line = end


def _sections(context: Context) -> Iterator[tuple[int, int, bool]]:
    """Heading line, first line, and whether it is of Google's style, of each section of parameters."""
    for number, line in enumerate(context.lines):
        following = context.lines[number + 1] if number + 1 < len(context.lines) else ""
        if _NUMPY_HEADING.match(line) and _UNDERLINE.match(following):
            yield number, number + 2, False
        elif _GOOGLE_HEADING.match(line) and following and context.indents[number + 1] > context.indents[number]:
            yield number, number + 1, True


def _ends(context: Context, line: int, heading: int, base: int, google: bool) -> bool:
    if not context.lines[line]:
        return False
    following = context.lines[line + 1] if line + 1 < len(context.lines) else ""
    if google:
        return context.indents[line] <= context.indents[heading]
    return context.indents[line] < base or bool(_UNDERLINE.match(following)) or context.lines[line].startswith("..")


def _item(context: Context, line: int, google: bool) -> _Item | None:
    match = (_GOOGLE_ITEM if google else _NUMPY_ITEM).match(context.lines[line])
    if not match:
        return None
    kind = match.span("kind") if match["kind"] else None
    rest = match.start("rest") if google and match["rest"] else None
    return _Item(match["name"], line, kind, rest)


def _read(context: Context, item: _Item, body: range) -> Parameter:
    start = context.starts[item.line]
    answers: dict[str, tuple[int, int]] = {}
    if item.kind:
        kind = context.lines[item.line][slice(*item.kind)]
        length = len(_END_OF_TYPE.sub("", kind).rstrip())
        if 0 < length <= MAX_TYPE and "default" not in kind[:length].lower():
            answers["type"] = (start + item.kind[0], start + item.kind[0] + length)
    begins = start + item.rest if item.rest is not None else context.starts[body.start] if body else None
    last = body[-1] if body else item.line
    ends = context.starts[last] + len(context.lines[last])
    if begins is not None:
        sentence = _SENTENCE_END.search(context.text, begins, ends)
        stop = sentence.start() if sentence else ends
        if len(context.text[begins:stop].split()) in _WORDS:
            answers["description"] = (begins, stop)
    if default := _DEFAULT.search(context.text, start, ends):
        value = default["value"].rstrip(".:")
        if value:
            answers["default"] = (default.start("value"), default.start("value") + len(value))
    return Parameter(item.name, answers)
