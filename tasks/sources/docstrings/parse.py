"""Docstrings, signatures and defined names of one package, from parsing its files without importing them."""

import ast
import gc
import inspect
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Tests and vendored copies are another package's text or no prose at all; a copy would also put one text into two splits.
SKIPPED_FOLDERS = re.compile(
    r"(^|/)(tests?|testing|_testing|_?vendor(ed)?|_vendored_packages|third_party|extern(al|als)?|_?bundled"
    r"|array_api_compat|array_api_extra)(/|$)"
)
SKIPPED_FILES = re.compile(r"^(test_.*|.*_tests?|conftest|setup|six|_?version)\.py$")
GENERATED = re.compile(r"automatically generated|auto-?generated|@generated", re.IGNORECASE)
EXCEPTION_NAME = re.compile(r"^[A-Z]\w*(Error|Warning|Exception)$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """One docstring and what it documents.

    `kind` is module, class, function or method; `arguments` are the signature's (for a class that of `__init__`)
    without self and cls; `path` is relative to the folder that holds the package; lines count from 1 and span the
    documented source (0 to 0 for a module).
    """

    package: str
    module: str
    qualname: str
    kind: str
    arguments: tuple[str, ...]
    text: str
    path: str
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class ParsedFiles:
    """The content of some files of a package: their docstrings, and the possible entity types of each defined name."""

    docstrings: tuple[Docstring, ...]
    names: tuple[tuple[str, str], ...]


def source_files(folder: Path) -> list[str]:
    """The package's own .py files as POSIX paths that start with the folder's name, sorted on every file system."""
    if folder.is_file():
        return [folder.name]
    paths = (path.relative_to(folder.parent) for path in folder.rglob("*.py"))
    return sorted(
        path.as_posix()
        for path in paths
        if not SKIPPED_FOLDERS.search(path.parent.as_posix()) and not SKIPPED_FILES.match(path.name)
    )


def parse_files(package: str, root: str, paths: list[str]) -> ParsedFiles:
    """Parse `paths` (relative to `root`); a file that this Python cannot read or parse has no docstrings."""
    docstrings: list[Docstring] = []
    names: set[tuple[str, str]] = set()
    # Syntax trees hold no cycles, and walking millions of nodes looking for some is a third of the parsing time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        for path in paths:
            source = _read(Path(root, path))
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            names.update((part, "MODULE") for part in module.split("."))
            # A file without triple quotes has no useful docstring; a generated one repeats those of its source.
            if ('"""' not in source and "'''" not in source) or GENERATED.search(source, 0, 2000):
                continue
            tree = _parse(source)
            if tree is not None:
                file = _File(package, module, path, names)
                # Setters, overloads and fallbacks define a name again: path and qualified name tell docstrings apart.
                first: dict[str, Docstring] = {}
                for docstring in file.docstrings_of(tree):
                    first.setdefault(docstring.qualname, docstring)
                docstrings.extend(first.values())
    finally:
        if collecting:
            gc.enable()
    return ParsedFiles(tuple(docstrings), tuple(sorted(names)))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return ""


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escape sequences in the packages
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


@dataclass(slots=True)
class _File:
    package: str
    module: str
    path: str
    names: set[tuple[str, str]]

    def docstrings_of(self, tree: ast.Module) -> Iterator[Docstring]:
        text = _docstring(tree)
        if text:
            yield Docstring(self.package, self.module, "", "module", (), text, self.path, 0, 0)
        yield from self._definitions(tree.body, "", "function")

    def _definitions(self, body: list[ast.stmt], prefix: str, kind: str) -> Iterator[Docstring]:
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from self._class(node, prefix)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from self._function(node, prefix, kind)
            elif isinstance(node, ast.If | ast.Try | ast.With):
                yield from self._definitions(_nested(node), prefix, kind)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                self._assigned(node, prefix)

    def _class(self, node: ast.ClassDef, prefix: str) -> Iterator[Docstring]:
        qualname = prefix + node.name
        self.names.add((node.name, "EXC" if EXCEPTION_NAME.match(node.name) else "CLASS"))
        text = _docstring(node)
        if text:
            initialiser = next((f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
            arguments = _arguments(initialiser) if initialiser else ()
            yield self._document(node, qualname, "class", arguments, text)
        yield from self._definitions(node.body, qualname + ".", "method")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, prefix: str, kind: str) -> Iterator[Docstring]:
        if node.name == "__init__":
            self._attributes(_attributes_set(node), prefix)
        if any("property" in ast.unparse(decorator) for decorator in node.decorator_list):
            self._attributes([node.name], prefix)
        else:
            self.names.add((node.name, "FUNC"))
        arguments = _arguments(node)
        self.names.update((argument, "PARAM") for argument in arguments)
        text = _docstring(node)
        if text:
            yield self._document(node, prefix + node.name, kind, arguments, text)

    def _assigned(self, node: ast.Assign | ast.AnnAssign, prefix: str) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name) and target.id != "__all__"]
        if prefix:
            self._attributes(names, prefix)
        else:
            self.names.update((name, "NAME") for name in names)

    def _attributes(self, names: Iterable[str], prefix: str) -> None:
        """Attributes are known with and without their class: half of all short words are an attribute of some class."""
        for name in names:
            self.names.update([(name, "ATTR"), (prefix + name, "ATTR")])

    def _document(
        self,
        node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
        qualname: str,
        kind: str,
        arguments: tuple[str, ...],
        text: str,
    ) -> Docstring:
        first_line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        last_line = node.end_lineno or node.lineno
        return Docstring(self.package, self.module, qualname, kind, arguments, text, self.path, first_line, last_line)


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    text = ast.get_docstring(node, clean=False)
    return inspect.cleandoc(text).strip() if text else ""


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    signature = node.args
    declared = [*signature.posonlyargs, *signature.args, signature.vararg, *signature.kwonlyargs, signature.kwarg]
    return tuple(argument.arg for argument in declared if argument and argument.arg not in ("self", "cls"))


def _attributes_set(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                yield target.attr


def _nested(node: ast.If | ast.Try | ast.With) -> list[ast.stmt]:
    if isinstance(node, ast.With):
        return node.body
    handlers = [s for handler in node.handlers for s in handler.body] if isinstance(node, ast.Try) else []
    final = node.finalbody if isinstance(node, ast.Try) else []
    return [*node.body, *handlers, *node.orelse, *final]
