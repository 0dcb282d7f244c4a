"""The prose of a docstring: its paragraphs without code, tables, headings and item headers, in the usual dialects.

The dialects are numpydoc sections, Google sections, Sphinx fields, reStructuredText directives and Markdown fences.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Prose:
    """Paragraphs in reading order, each one line with its markup; and the names that the docstring's lists document."""

    paragraphs: list[str] = field(default_factory=list)
    arguments: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)


def _section_kinds(kinds: dict[str, str]) -> dict[str, str]:
    return {title: kind for kind, titles in kinds.items() for title in titles.split(", ")}


_SECTIONS = _section_kinds(
    {
        "arguments": "args, arguments, parameters, params, parameter, kwargs, inputs, input, keyword args, "
        "keyword arguments, keyword parameters, other parameters, optional arguments",
        "attributes": "attributes, attribute, class attributes, properties",
        "items": "returns, return, return value, yields, yield, raises, warns, receives, output, outputs",
        "prose": "note, notes, warning, warnings, tip, important, description, details, remarks, discussion, "
        "explanation",
        "dropped": "example, examples, usage, usage example, usage examples, reference, references, see also, "
        "bibliography, methods, shape, shapes, sources, links, todo",
    }
)
_FIELDS = _section_kinds(
    {
        "arguments": "param, parameter, arg, argument, key, keyword, kwarg",
        "attributes": "var, ivar, cvar",
        "prose": "return, returns, raise, raises, yield, yields, except, exception",
        "dropped": "type, rtype, vartype, meta",
    }
)
_ADMONITIONS = {"note", "warning", "tip", "important", "hint", "caution", "attention", "danger", "admonition"}

_UNDERLINE = re.compile(r"^\s*([-=~^\"#*+])\1{2,}\s*$")
_GOOGLE_SECTION = re.compile(r"^(\s*)(?:\*\*)?([A-Z][A-Za-z ]{2,30}?)(?:\*\*)?::?(?:\*\*)?\s*$")
_GOOGLE_ITEM = re.compile(r"^\s*[-*]?\s*[`*]*(\w[\w., *`/]*?)[`*]*\s*(?:\(.*?\))?\s*:(?:\s+(.*))?$")
# transformers writes items with their type and without a heading, for a decorator to sort in.
_TYPED_ITEM = re.compile(r"^\s*(\w+)\s+\([`\[].*\)\s*:(?:\s+(.*))?$")
_NUMPY_ITEM = re.compile(r"^\s*([`*]*\w[\w`*., ]*?)\s*(?::.*)?$")
_FIELD = re.compile(r"^\s*:(\w+)\b([^:`]*):(?:\s+(.*))?$")
_DIRECTIVE = re.compile(r"^\s*\.\. *([\w:+-]+)::(?:\s+(.*))?$")
_LIST_ITEM = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+(.*)$")
_TABLE_RULE = re.compile(r"^\s*[=-]{2,}(\s+[=-]{2,})+\s*$")
_NAME = re.compile(r"[A-Za-z_]\w*")


def read_prose(text: str) -> Prose:
    """The prose of one cleaned docstring (no common indentation)."""
    reader = _Reader()
    lines = text.expandtabs().split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        reader.take(line, following)
    reader.end_paragraph()
    return reader.prose


@dataclass(slots=True)
class _Reader:
    """A state machine over lines: the open paragraph, the section it is in, and the block that is being skipped."""

    prose: Prose = field(default_factory=Prose)
    paragraph: list[str] = field(default_factory=list)
    indent: int = 0  # of the paragraph's last line
    may_hang: bool = False  # the next line may be indented deeper: it continues a list item
    section: str = "prose"
    google: bool = False  # this section ends where the indentation does
    section_indent: int = 0
    item_indent: int | None = None
    skipped: int | None = None  # everything indented deeper than this is skipped
    until_blank: bool = False
    fence: str = ""

    def take(self, line: str, following: str) -> None:
        content = line.strip()
        indent = len(line) - len(line.lstrip())
        if self.fence:
            self.fence = "" if content.startswith(self.fence) else self.fence
        elif not content:
            self.end_paragraph()
            self.until_blank = False
        elif self.until_blank or (self.skipped is not None and indent > self.skipped):
            return
        else:
            self.skipped = None
            if not self._starts_block(content, indent, line, following):
                self._prose_line(content, indent)

    def end_paragraph(self) -> None:
        if self.paragraph and self.section != "dropped":
            self.prose.paragraphs.append(" ".join(self.paragraph))
        self.paragraph = []
        self.may_hang = False

    def _starts_block(self, content: str, indent: int, line: str, following: str) -> bool:
        """Handle headings, code, tables, directives and item headers; returns whether the line was one."""
        if content.startswith(("```", "~~~")):
            self.end_paragraph()
            self.fence = content[:3] if content.count(content[:3]) == 1 else ""
        elif content.startswith((">>>", "In [")) or _TABLE_RULE.match(line):
            self.end_paragraph()
            self.until_blank = True
        elif _UNDERLINE.match(line) or content.startswith(("|", "+-", "# ", "## ", "### ", "<", "@")):
            self.end_paragraph()
        elif _UNDERLINE.match(following) and not self.paragraph and len(following.strip()) >= min(len(content), 4):
            self._open_section(content.lower(), indent, google=False)
        elif directive := _DIRECTIVE.match(line):
            self._directive(directive[1].lower(), directive[2] or "", indent)
        elif content.startswith(".. ") or content == "..":
            self.end_paragraph()
            self.skipped = indent
        else:
            return self._section_line(content, indent, line)
        return True

    def _section_line(self, content: str, indent: int, line: str) -> bool:
        if self.google and indent <= self.section_indent:
            self.end_paragraph()
            self._open_section("", indent, google=False)
        heading = _GOOGLE_SECTION.match(line)
        if heading and heading[2].strip().lower() in _SECTIONS:
            self._open_section(heading[2].strip().lower(), indent, google=True)
            return True
        if documented := _FIELD.match(line):
            return self._field(documented, indent)
        if self.section in ("arguments", "attributes", "items"):
            return self._item(content, indent, line)
        if self.section == "prose" and (typed := _TYPED_ITEM.match(line)):
            self._start_item("arguments", [typed[1]], typed[2], indent)
            return True
        return False

    def _open_section(self, title: str, indent: int, google: bool) -> None:
        self.end_paragraph()
        self.section, self.google = _SECTIONS.get(title, "prose"), google
        self.section_indent, self.item_indent = indent, None

    def _directive(self, name: str, argument: str, indent: int) -> None:
        self.end_paragraph()
        if name not in _ADMONITIONS:
            self.skipped = indent
        elif argument and name != "admonition":
            self._start(argument, indent)

    def _field(self, documented: re.Match[str], indent: int) -> bool:
        kind = _FIELDS.get(documented[1])
        if kind is None:
            return False
        self._start_item(kind, _NAME.findall(documented[2])[-1:], documented[3] if kind != "dropped" else "", indent)
        if kind == "dropped":
            self.skipped = indent
        return True

    def _item(self, content: str, indent: int, line: str) -> bool:
        if self.item_indent is None:
            self.item_indent = indent
        if indent != self.item_indent:
            return False
        pattern = _GOOGLE_ITEM if self.google else _NUMPY_ITEM
        item = pattern.match(line)
        if item is None:
            return not self.google and self.section != "prose" and " : " in content
        names = [name for part in item[1].split(",") for name in _NAME.findall(part)[-1:]]
        self._start_item(self.section, names, item[2] if self.google else "", indent)
        return True

    def _start_item(self, kind: str, names: Iterable[str], description: str | None, indent: int) -> None:
        self.end_paragraph()
        if description:
            self._start(description, indent)
        if kind == "arguments":
            self.prose.arguments.update(names)
        elif kind == "attributes":
            self.prose.attributes.update(names)

    def _prose_line(self, content: str, indent: int) -> None:
        if item := _LIST_ITEM.match(content):
            self.end_paragraph()
            content = item[1]
            self._start(content, indent)
        elif self.paragraph and (indent == self.indent or (self.may_hang and indent > self.indent)):
            self.paragraph.append(content)
            self.indent, self.may_hang = indent, False
        else:
            self.end_paragraph()
            self._start(content, indent)
            self.may_hang = False
        if content.endswith("::"):
            self.paragraph[-1] = self.paragraph[-1][:-1]
            self.end_paragraph()
            self.skipped = indent

    def _start(self, content: str, indent: int) -> None:
        self.paragraph, self.indent, self.may_hang = [content], indent, True
