"""The entity type of a marked mention: the rules in the order in which they apply; ``None`` in doubt."""

import ast
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

ENTITY_TYPES = ("PARAM", "CODE", "FUNC", "CLASS", "VALUE", "ATTR", "MODULE", "EXC")

_ROLES = {
    "class": "CLASS",
    "type": "CLASS",
    "func": "FUNC",
    "function": "FUNC",
    "meth": "FUNC",
    "method": "FUNC",
    "attr": "ATTR",
    "attribute": "ATTR",
    "mod": "MODULE",
    "module": "MODULE",
    "exc": "EXC",
    "paramref": "PARAM",
    "const": "VALUE",
}
# Roles for which later rules decide the type; any other role (math, file, kbd, ...) makes the sentence uncertain.
_OPEN_ROLES = {"literal", "code", "obj", "data", "emphasis"}

_DEFINED = frozenset({"CLASS", "FUNC", "ATTR", "MODULE", "EXC"})

_HEAD_NOUNS = {
    "attribute": "ATTR",
    "attributes": "ATTR",
    "property": "ATTR",
    "method": "FUNC",
    "methods": "FUNC",
    "function": "FUNC",
    "functions": "FUNC",
    "class": "CLASS",
    "classes": "CLASS",
    "module": "MODULE",
    "modules": "MODULE",
    "parameter": "PARAM",
    "parameters": "PARAM",
    "argument": "PARAM",
    "arguments": "PARAM",
    "exception": "EXC",
}

# Written out, not taken from `builtins`: the labels must not depend on the Python that builds them.
BUILTIN_TYPES = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "memoryview"}
    | {"object", "range", "set", "slice", "str", "tuple", "type"}
)
BUILTIN_EXCEPTIONS = frozenset(
    {"BaseException", "Exception", "GeneratorExit", "KeyboardInterrupt", "StopIteration", "SystemExit"}
)
_CONSTANTS = frozenset({"True", "False", "None", "NaN", "nan", "NaT", "inf", "Inf", "Ellipsis", "NotImplemented"})

# Any other single word that is also the name of a file may mean something else.
_WELL_KNOWN_MODULES = frozenset(
    {
        "numpy",
        "scipy",
        "pandas",
        "matplotlib",
        "sklearn",
        "torch",
        "pyarrow",
        "asyncio",
        "trio",
        "pickle",
        "multiprocessing",
    }
    | {
        "logging",
        "json",
        "os",
        "sys",
        "re",
        "math",
        "ssl",
        "socket",
        "itertools",
        "functools",
        "subprocess",
        "threading",
    }
)

NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?j?|[+-](inf|Inf|nan)|0x[0-9a-fA-F]+")
_LIBRARY_CONSTANT = re.compile(r"(np|numpy|math|torch|pd|pandas|sympy|cmath)\.(nan|inf|NaN|NA|NaT|pi|e)")
_QUOTED = re.compile(r"[rbuf]?('[^'\"`]*'|\"[^'\"`]*\")")
_DOTTED = re.compile(r"\.?[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_CALLED = re.compile(r"(?P<name>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)\(\)")
_EXCEPTION = re.compile(r"([A-Z]\w*)?(Error|Warning|Exception)")
_HYPHENATED = re.compile(r"\w+([-/][\w.]+)+")
_FILE_NAME = re.compile(
    r".*\.(py|json|txt|md|rst|yaml|yml|toml|cfg|ini|csv|tsv|bin|pt|pth|so|c|h|cpp|html|org|com|io|zip|safetensors|onnx)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a docstring's mentions can refer to: its own or documented arguments and attributes, the package's names.

    `owner` is the qualified name of the class that the docstring is in, or of the class it documents.
    """

    arguments: Set[str]
    attributes: Set[str]
    package: str
    owner: str
    names: Mapping[str, Set[str]]


def entity_type(text: str, role: str, head_noun: str, scope: Scope) -> str | None:
    """The type of a mention without its markup, given its role and the word that follows; None in doubt."""
    if _is_value(text):
        return "VALUE"
    name = text.lstrip("*") if re.fullmatch(r"\*{1,2}\w+", text) else text
    if name in scope.arguments:
        return "PARAM"
    if role in _ROLES:
        return _by_role(name, _ROLES[role], scope)
    if role not in _OPEN_ROLES:
        return None
    called = _CALLED.fullmatch(name)
    if called or _DOTTED.fullmatch(name):
        return _of_name(called["name"] if called else name, bool(called), head_noun, scope)
    return "CODE" if role != "emphasis" and _is_expression(name) else None


def _is_value(text: str) -> bool:
    if text in _CONSTANTS or NUMBER.fullmatch(text) or _QUOTED.fullmatch(text) or _LIBRARY_CONSTANT.fullmatch(text):
        return True
    # A tuple or list of constants is a constant too.
    if text[:1] in "([{" and text[-1:] in ")]}" and len(text) < 60:
        try:
            ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return False
        return True
    return False


def _by_role(name: str, label: str, scope: Scope) -> str | None:
    called = _CALLED.fullmatch(name)
    bare = called["name"] if called else name
    if not _DOTTED.fullmatch(bare):
        return None
    last = bare.rpartition(".")[2]
    if label == "CLASS" and _is_exception(last):
        return None
    # Some authors use one role for everything: if the package's definition contradicts the role, neither is certain.
    defined = scope.names.get(last, frozenset()) & _DEFINED
    if label == "ATTR" and bare == last and not _is_own_attribute(last, scope):
        # PyTorch gives the attribute role to arguments, and not to its own function's only.
        return None if "PARAM" in scope.names.get(last, frozenset()) else label
    agrees = label in defined or (label == "EXC" and "CLASS" in defined)
    return label if agrees or not defined or label not in _DEFINED else None


def _of_name(name: str, called: bool, head_noun: str, scope: Scope) -> str | None:
    prefix, _, last = name.rpartition(".")
    if name in ("self", "cls"):
        return None
    noun = _HEAD_NOUNS.get(head_noun)
    if _FILE_NAME.fullmatch(name) and prefix:
        return None
    if _is_exception(last):
        return "EXC" if not called else "CODE"
    if prefix and prefix in scope.arguments:
        return "CODE"  # `x.shape` of the argument x
    known = _known_kinds(prefix, last, scope)
    if called:
        return "FUNC" if known <= {"FUNC", "PARAM"} and not last[0].isupper() else None
    if noun and _agrees(noun, last, known):
        return noun
    if noun:
        return None
    if last in BUILTIN_TYPES and not prefix:
        return "CLASS" if known <= {"PARAM", "CLASS"} else None
    if not prefix and known == {"ATTR"} and not _is_own_attribute(last, scope):
        return None
    if not prefix and known == {"MODULE"} and (name != last or last not in {scope.package, *_WELL_KNOWN_MODULES}):
        return None
    certain = known - {"NAME"} if prefix else known
    return next(iter(certain)) if len(certain) == 1 and certain <= set(ENTITY_TYPES) - {"PARAM"} else None


def _is_own_attribute(name: str, scope: Scope) -> bool:
    return name in scope.attributes or f"{scope.owner}.{name}" in scope.names


def _known_kinds(prefix: str, last: str, scope: Scope) -> Set[str]:
    """The objects of the package with this name; empty if the dotted path leads out of it."""
    if last in scope.attributes and prefix in ("", "self"):
        return {"ATTR"}
    kinds = scope.names.get(last, frozenset())
    if not prefix:
        return kinds or ({"MODULE"} if last in _WELL_KNOWN_MODULES else kinds)
    head = prefix.lstrip(".").partition(".")[0]
    inside = head in ("self", "cls", scope.package) or scope.names.get(head, frozenset()) & {"MODULE", "CLASS"}
    return kinds - {"PARAM"} if inside else frozenset()


def _agrees(noun: str, name: str, known: Set[str]) -> bool:
    """Whether the package confirms the noun after a name; "the `bfgs` method" need not be a function."""
    if noun == "PARAM":
        return name == name.lower() or not known
    if noun == "CLASS":
        return name[:1].isupper() or name in BUILTIN_TYPES or "CLASS" in known
    if noun == "EXC":
        return False
    return noun in known or (noun == "FUNC" and name.startswith("__") and name.endswith("__"))


def _is_exception(name: str) -> bool:
    return bool(_EXCEPTION.fullmatch(name)) or name in BUILTIN_EXCEPTIONS


def _is_expression(text: str) -> bool:
    """Python code of more than one name; prose, TeX and shell commands between backticks are not."""
    if re.search(r"[\\$^`]|^-", text) or len(text) > 80 or _HYPHENATED.fullmatch(text):
        return False
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(tree.body) == 1 and not isinstance(tree.body[0], ast.Import | ast.ImportFrom)
