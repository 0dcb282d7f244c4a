"""A docstring's labelled sentences: markup marks the words that are code, rules decide their type, doubt drops a sentence."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from tasks.sources.docstrings.labels import Scope, entity_type
from tasks.sources.docstrings.markup import Piece, scan
from tasks.sources.docstrings.parse import Docstring
from tasks.sources.docstrings.text import read_prose
from tasks.sources.sentence import Sentence

MIN_TOKENS, MAX_TOKENS = 6, 80

_TOKEN = re.compile(
    r"""
      (?:e\.g|i\.e|etc|vs|cf|al|resp|approx)\.(?!\w)
    | \d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?(?!\w)
    | \w+(?:\.\w+)*(?:['’](?:s|t|re|ve|ll|d|m)\b)?
    | \.\.\. | -> | [=!<>]= | \*\* | // | \S
    """,
    re.VERBOSE,
)
_MARKED = re.compile(r"[`*]")
# Placeholders that a decorator or a format call fills in, so that the source is not the documentation.
_TEMPLATE = re.compile(r"%\(\w+\)[sdrf]|(?<![\w'\"`$\\^_}])\{[a-z_]+\}(?!\w)|\$\{\w+\}")
_HEAD_NOUN = re.compile(r"\s+(?:keyword\s+)?([a-z]+)\b")
_GLUED_BEFORE = re.compile(r"[\w=.@'\"\])]$")
_GLUED_AFTER = re.compile(r"[\w(\[=\"{]|\.\w|'(?!s\b)")

_PROSE_SIGNS = frozenset([".", ",", ";", ":", "!", "?", "(", ")", "-", "–", "—", "/", "%", "..."])
_SENTENCE_END = frozenset(".!?")
_ABBREVIATIONS = frozenset(["e.g.", "i.e.", "etc.", "vs.", "cf.", "al.", "resp.", "approx.", "e.g", "i.e", "etc", "vs"])
_DIMENSION = re.compile(r"\d+(st|nd|rd|th|[dD])")
_CODE_WORD = re.compile(r"[_.\d]|[a-z][A-Z]|[A-Z]{2,}[a-rt-z]")
# Names of products, persons and techniques that are written like code but are prose.
_PROPER_NAMES = frozenset(
    {"PyTorch", "NumPy", "SciPy", "GitHub", "GitLab", "PyPI", "YouTube", "JavaScript", "PyArrow", "TensorFlow", "LaTeX"}
    | {"BibTeX", "OpenCV", "OpenAI", "iOS", "macOS", "MacOS", "FastAPI", "NVIDIA", "PostScript", "TrueType", "OpenType"}
    | {"PhD", "MySQL", "PostgreSQL", "SQLite", "DeepSpeed", "MongoDB"}
)
# These are code even without markup; list, set, type and the like are English words as well.
_CODE_WORDS = frozenset(
    {"True", "False", "None", "NaN", "nan", "NaT", "inf", "int", "str", "dict", "bool", "float", "bytearray"}
    | {"frozenset", "ndarray", "dtype", "kwargs", "args"}
)


@dataclass(slots=True)
class _Token:
    text: str
    tag: str = "O"
    certain: bool = True
    glued: bool = False  # no space before it


def tokenize(text: str) -> list[str]:
    """Words (a dotted name is one), numbers, and every other sign separately."""
    return _TOKEN.findall(text)


def label_docstring(docstring: Docstring, names: Mapping[str, Set[str]]) -> list[Sentence]:
    """The docstring's sentences with certain labels, in reading order; `names` are the package's with their kinds."""
    if not _MARKED.search(docstring.text) or _TEMPLATE.search(docstring.text):
        return []
    prose = read_prose(docstring.text)
    arguments = {*docstring.arguments, *prose.arguments}
    owner = docstring.qualname if docstring.kind == "class" else docstring.qualname.rpartition(".")[0]
    scope = Scope(arguments, prose.attributes - arguments, docstring.package, owner, names)
    sentences: list[Sentence] = []
    for paragraph in filter(_MARKED.search, prose.paragraphs):
        for tokens in _split(_label(scan(paragraph), scope)):
            if _is_certain(tokens, scope):
                id_ = f"{docstring.path}:{docstring.qualname}#{len(sentences)}"
                sentences.append(Sentence(tuple(t.text for t in tokens), tuple(t.tag for t in tokens), id_))
    return sentences


def _label(pieces: Sequence[Piece], scope: Scope) -> list[_Token]:
    tokens: list[_Token] = []
    for index, piece in enumerate(pieces):
        before = pieces[index - 1].text if index else ""
        after = pieces[index + 1].text if index + 1 < len(pieces) else ""
        glued = bool(before) and not before[-1].isspace()
        label = ""
        if piece.role:
            noun = _HEAD_NOUN.match(after)
            label = entity_type(piece.text, piece.role, noun[1] if noun else "", scope) or "?"
            if piece.role == "emphasis" and label not in ("PARAM", "VALUE"):
                label = ""
        if not label:
            tokens.extend(_plain_tokens(piece.text, glued))
            continue
        certain = label != "?" and not _GLUED_BEFORE.search(before) and not _GLUED_AFTER.match(after)
        words = tokenize(piece.text)
        tags = [f"B-{label}", *[f"I-{label}"] * (len(words) - 1)]
        tokens.extend(_Token(word, tag, certain, glued) for word, tag in zip(words, tags, strict=False))
    return tokens


def _plain_tokens(text: str, glued: bool) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        touches = glued if match.start() == 0 else not text[match.start() - 1].isspace()
        yield _Token(match[0], glued=touches)


def _split(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Cut after a full stop before the beginning of a sentence; a full stop inside a mention does not count."""
    start = 0
    for index in range(len(tokens) - 1):
        token, following = tokens[index], tokens[index + 1]
        begins = following.tag != "O" or not following.text[0].islower()
        if token.tag == "O" and token.text in _SENTENCE_END and begins and not following.glued:
            yield tokens[start : index + 1]
            start = index + 1
    yield tokens[start:]


def _is_certain(tokens: list[_Token], scope: Scope) -> bool:
    marked = sum(token.tag != "O" for token in tokens)
    if not (MIN_TOKENS <= len(tokens) <= MAX_TOKENS and 0 < 2 * marked < len(tokens)):
        return False
    if not all(token.certain for token in tokens):
        return False
    followers = [*tokens[1:], _Token("")]
    return not any(
        token.tag == "O" and _is_code_like(token, following, index == 0, scope)
        for index, (token, following) in enumerate(zip(tokens, followers, strict=True))
    )


def _is_code_like(token: _Token, following: _Token, first: bool, scope: Scope) -> bool:
    """Whether an unmarked token may be code after all, so that `O` would not be certain."""
    text = token.text
    if not (text[0].isalnum() or text[0] == "_"):
        return text not in _PROSE_SIGNS or (text == following.text and following.glued)
    if text in scope.arguments or text in scope.attributes or text in _CODE_WORDS:
        return True
    if text in _ABBREVIATIONS or text in _PROPER_NAMES or _DIMENSION.fullmatch(text):
        return False
    if _CODE_WORD.search(text) or (len(text) == 1 and text not in "aAI"):
        return True
    if following.text == "(" and following.glued:
        return True
    kinds = scope.names.get(text, frozenset())
    return text[0].isupper() and not first and bool(kinds & {"CLASS", "EXC", "NAME"})
