"""Remove and classify the markup of docstring prose: roles and literals, Markdown code spans, links and stars."""

import re
from dataclasses import dataclass

_MARKUP = re.compile(
    r"""
      (?<![`\w])``(?P<literal>(?:[^`]|(?<!`)`(?!`))+)``(?!`)
    | (?<![\w`]):(?:[\w+-]+:)*(?P<role>[A-Za-z][\w+-]*):`(?P<roled>[^`]+)`
    | `(?P<trailing>[^`]+)`:(?P<trailing_role>func|class|meth|attr|mod):
    | \[`+(?P<linked>[^`\]]+)`+\](?:\([^()\s]*\))?
    | \[(?P<link>[^\]\[`]+)\]\((?:https?:|\.|/|\#|mailto:)[^()\s]*\)
    | `(?P<hyperlink>[^`<]+?)\s*<[^`>]+>`__?
    | (?<![`\w])`(?P<code>[^`]+)`(?P<reference>__?(?!\w))?(?!`)
    | \*\*(?P<strong>[^*]+)\*\*
    | (?<![\w*/\\])\*(?P<emphasis>[^*\s](?:[^*]*[^*\s])?)\*(?![\w*])
    | \s*(?P<citation>\[\w+\]_(?!\w))
    """,
    re.VERBOSE,
)
_KINDS = ("literal", "roled", "trailing", "linked", "link", "hyperlink", "code", "strong", "emphasis", "citation")
_SPACES = re.compile(r"\s+")
_TARGET = re.compile(r"^(.*?)\s*<[^<>]*>$", re.DOTALL)
# Roles whose content is prose for the reader, not a name.
_PROSE_ROLES = {"ref", "doc", "abbr", "strong", "pep", "rfc"}
# Roles that mark typography, not meaning.
_LITERAL_ROLES = {"code", "py", "python", "literal"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of prose (`role` is empty) or a mention: `role` is the role's name, `literal`, `code` or `emphasis`."""

    text: str
    role: str = ""


def scan(paragraph: str) -> list[Piece]:
    """Cut a paragraph into prose and mentions, both without markup; markup that is not closed stays in the prose."""
    pieces: list[Piece] = []
    position = 0
    for match in _MARKUP.finditer(paragraph):
        pieces.append(Piece(_one_line(paragraph[position : match.start()])))
        pieces.append(_piece(match))
        position = match.end()
    pieces.append(Piece(_one_line(paragraph[position:])))
    return [piece for piece in pieces if piece.text]


def plain_text(paragraph: str) -> str:
    """The paragraph as a reader of the rendered page sees it."""
    return "".join(piece.text for piece in scan(paragraph)).strip()


def _piece(match: re.Match[str]) -> Piece:
    found = match.groupdict()
    text, role = next((found[kind], kind) for kind in _KINDS if found[kind] is not None)
    titled = None
    if role in ("citation", "strong", "link", "hyperlink") or (role == "code" and found["reference"]):
        return Piece("" if role == "citation" else _one_line(text))
    if role == "roled":
        role = found["role"].lower()
        role = "literal" if role in _LITERAL_ROLES else role
        titled = _TARGET.match(text)
        text = titled[1] if titled else text
    elif role == "trailing":
        role = found["trailing_role"]
    shown = _shown(_one_line(text).strip())
    # A glossary term of several words is prose; a single one often is the name of a method or an argument.
    if role in _PROSE_ROLES or (role == "term" and (" " in shown or titled)):
        return Piece(shown)
    return Piece(shown, "code" if role == "linked" else role)


def _shown(name: str) -> str:
    """`~torch.nn.Linear` is shown as `Linear`, `!name` as `name`, `.Figure` (found in any module) as `Figure`."""
    if re.fullmatch(r"~[\w.]+(\(\))?", name):
        return name.removeprefix("~").rpartition(".")[2]
    if re.fullmatch(r"\.([A-Z]\w*|\w+\.\w+)(\.\w+)*(\(\))?", name):
        return name.removeprefix(".")
    return name.removeprefix("!") if re.fullmatch(r"![\w.]+", name) else name


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", text)
