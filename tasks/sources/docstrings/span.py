"""`span/docstrings`: questions on the parameters that docstrings document, answered by offset, split by package.

They check that a model learns to find an entry, not that it reads: entries have a layout, and a rule that knows it answers
nearly all of the answerable questions. A third of the questions has no answer: the parameter belongs to a sibling.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from tasks.sources.built import Built, built, draw, rules_identity
from tasks.sources.docstrings.packages import SPLITS, PackageDocuments, Split, documents
from tasks.sources.docstrings.parameters import Context, Parameter, flattened, parameters
from tasks.sources.docstrings.parse import Docstring
from tasks.sources.docstrings.workers import Progress
from tasks.sources.question import Answer, Question

# Increases with every change of the rules that affects the result.
VERSION = 1
MAX_CHARACTERS = 300
QUESTIONS_A_DOCSTRING = 4
SIZES: dict[Split, int] = {"train": 6000, "dev": 600, "test": 1500}
# Copied models document the same parameter in the same words hundreds of times.
SAME_ANSWERS = 2
WORDINGS = {
    "description": "What does the parameter `{parameter}` of `{name}` mean?",
    "type": "Which type has the parameter `{parameter}` of `{name}`?",
    "default": "What is the default of the parameter `{parameter}` of `{name}`?",
}


@dataclass(frozen=True, slots=True)
class _Documented:
    docstring: Docstring
    context: Context
    parameters: Sequence[Parameter]


def identity() -> str:
    """The identity of the questions, without building them: the sha256 (hex) of the versions of rules and packages."""
    rules = [VERSION, MAX_CHARACTERS, QUESTIONS_A_DOCSTRING, SAME_ANSWERS, SIZES, WORDINGS]
    return rules_identity("span", rules)


def load(progress: Progress | None = None) -> Built[Question]:
    """The built set, from the cache if it was built before.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    return built("span", identity(), lambda: build(documents(progress)), _question)


def build(found: dict[str, PackageDocuments]) -> dict[Split, list[Question]]:
    """Ask about every package's docstrings, and keep a fixed sample; ordered by split, package, file and line.

    A context or an answered entry that two splits share stays in the later of train, dev, test.
    """
    kept: dict[Split, list[Question]] = {}
    taken: set[str] = set()
    for split in reversed(SPLITS):
        packages = [package for package in found.values() if package.split == split]
        entries = [entry for package in packages for entry in _documented(package.docstrings)]
        questions = _one_of_a_kind([q for module in _by_module(entries) for q in _questions(module)], taken)
        kept[split] = _sample(questions, SIZES[split])
        taken.update(key for question in kept[split] for key in _keys(question))
    return {split: kept[split] for split in SPLITS}


def _documented(docstrings: Iterable[Docstring]) -> Iterator[_Documented]:
    for docstring in docstrings:
        if docstring.kind == "module" or ("aram" not in docstring.text and "Arg" not in docstring.text):
            continue
        context = flattened(docstring.text, MAX_CHARACTERS)
        described = [parameter for parameter in parameters(context) if parameter.answers]
        if described:
            yield _Documented(docstring, context, described)


def _by_module(entries: Iterable[_Documented]) -> Iterable[list[_Documented]]:
    modules: dict[str, list[_Documented]] = {}
    for entry in entries:
        modules.setdefault(entry.docstring.module, []).append(entry)
    return modules.values()


def _questions(module: Sequence[_Documented]) -> Iterator[Question]:
    """Questions on a docstring's parameters, and up to half as many that only the docstring of a sibling answers.

    One question in three is for a type or a default, answerable or not.
    """
    for number, entry in enumerate(module):
        documented = entry.docstring.qualname.removesuffix(".__init__").rpartition(".")[2]
        name = f"{entry.docstring.package}.{documented}"
        where = f"{entry.docstring.path}:{entry.docstring.qualname}"
        chosen = sorted(entry.parameters, key=lambda parameter: draw(where, parameter.name))
        chosen = chosen[:QUESTIONS_A_DOCSTRING]
        for parameter in chosen:
            kind = _kind(where, parameter)
            if kind:
                start, end = parameter.answers[kind]
                answer = Answer(entry.context.text[start:end], start)
                text = WORDINGS[kind].format(parameter=parameter.name, name=name)
                yield Question(
                    f"{where}#{parameter.name}", text, entry.context.text, (answer,), entry.docstring.package
                )
        for absent in _absent(entry, module, number, where)[: (len(chosen) + 1) // 2]:
            kind = _kind(where, absent) or "description"
            text = WORDINGS[kind].format(parameter=absent.name, name=name)
            yield Question(f"{where}#{absent.name}?", text, entry.context.text, (), entry.docstring.package)


def _kind(where: str, parameter: Parameter) -> str | None:
    """The kind of question; types and defaults are short and alike, so they are at most a third."""
    short = [kind for kind in ("type", "default") if kind in parameter.answers]
    number = draw(where, parameter.name, "kind")
    if short and number % 3 == 0:
        return short[number // 3 % len(short)]
    return "description" if "description" in parameter.answers else None


def _absent(entry: _Documented, module: Sequence[_Documented], number: int, where: str) -> list[Parameter]:
    """Parameters of siblings that this docstring and its signature never name, in a fixed random order."""
    own = {*entry.docstring.arguments, *(parameter.name for parameter in entry.parameters)}
    siblings = {
        parameter.name: parameter
        for other in [*module[:number], *module[number + 1 :]]
        for parameter in other.parameters
        if parameter.name not in own and parameter.name not in entry.docstring.text
    }
    return sorted(siblings.values(), key=lambda parameter: draw(where, parameter.name, "absent"))


def _one_of_a_kind(questions: Iterable[Question], taken: Set[str]) -> list[Question]:
    """Without questions that another split has, and without entries that repeat the same words many times."""
    same: Counter[str] = Counter()
    kept: list[Question] = []
    for question in questions:
        keys = _keys(question)
        if not taken.isdisjoint(keys) or any(same[key] >= SAME_ANSWERS for key in keys[1:]):
            continue
        same.update(keys[1:])
        kept.append(question)
    return kept


def _keys(question: Question) -> list[str]:
    """The texts that two splits must not share: the context, and an answered parameter with its answer."""
    asked = question.id.rpartition("#")[2]
    return [question.context, *(f"{asked}\n{' '.join(answer.text.split())}" for answer in question.answers)]


def _sample(questions: Sequence[Question], size: int) -> list[Question]:
    """A fixed sample in the order given, with all questions on a docstring or none; a third has no answer.

    Different questions on one context make a model read the question.
    """
    answerable = [question for question in questions if question.answers]
    others = [question for question in questions if not question.answers]
    n_others = min(size // 3, len(others), len(answerable) // 2)
    chosen = {q.id for q in sorted(others, key=_draw_of_docstring)[:n_others]}
    chosen |= {q.id for q in sorted(answerable, key=_draw_of_docstring)[: size - n_others]}
    return [question for question in questions if question.id in chosen]


def _draw_of_docstring(question: Question) -> int:
    return draw(question.id.rpartition("#")[0])


def _question(row: list[Any]) -> Question:
    id_, question, context, answers, title = row
    return Question(id_, question, context, tuple(Answer(*answer) for answer in answers), title)
