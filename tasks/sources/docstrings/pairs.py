"""`lm/docstring_pairs`: minimal pairs made by rules from the prose of docstrings.

Each pair is a sentence as its author wrote it, and the same sentence with one fault that a rule put in. The rules look at
words alone, without a parser, and are applied only where the words leave no doubt. Where a rule changes one word into
another, it is applied equally often in both directions, so that a preference for one of the words scores one half.

Only packages are read that embedded tasks test on. Pretraining on the embedded corpus reads none of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.sources.built import Built, built, draw, rules_identity
from tasks.sources.docstrings.packages import SPLITS, Split, prose
from tasks.sources.minimal_pair import MinimalPair

# Counts up with every change of the rules that changes what is built.
VERSION = 1
PAIRS_A_PARADIGM = 200
WORDS = range(5, 31)
NOUN_SEEN = 5
"""A word that stands so often between an article and a word that only follows nouns is taken for a noun."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_PLAIN = re.compile(r"[A-Z][a-z]+(?:,? [a-z]+(?:-[a-z]+)*)+\.")
"""A sentence of ordinary words: no name, number, sign or code."""

_ONLY_AFTER_NOUN = "is|are|was|were|has|have|can|will|must|should|may|does|of|in|for|to|from|with|if|when|that|which"
_A_NOUN = re.compile(rf"\b(?:the|a|an|each) ([a-z]{{3,}})(?= (?:{_ONLY_AFTER_NOUN})\b|\.)")
_AFTER_NOUN = rf"(?= (?:{_ONLY_AFTER_NOUN}|and|or|as|by|at|on|into|before|after|because|where|than)\b|\.)"
_CLAUSE = r"(?:^|, |\b(?:that|because|since|when|where|whether|if|while|unless) )"

_NO_NOUNS = _words(
    "following latter former same above below other others remaining first second last next previous one ones two three only "
    "all both given case example instance none such more most less least own then also not"
)
"""Words that stand where a noun does and are none, or after which the rule fails ("in case the", "for example the")."""
_EITHER_NUMBER = _words(
    "data media metadata criteria schemata people children majority minority rest number group pair set couple family team "
    "series species means basis axis analysis lens bias alias gas canvas atlas"
)
"""Nouns that take verbs of both numbers, or whose form does not show their number."""
_NO_ARTICLE = _words("from with when that this then than only into over onto also even else like such each either")


@dataclass(frozen=True)
class Rule:
    """Puts one fault into a sentence.

    Attributes:
        paradigm: the name of what it tests; rules of one paradigm are opposite directions.
        kind: the wider kind.
        pattern: where it applies; the group ``at`` is what it replaces, ``noun`` must be a noun, ``of`` too.
        instead: what takes the place of ``at``, by its text in lower case; of two words the swapped ones if it is missing.
        plural: the nouns have an s that marks their plural, or have none.
    """

    paradigm: str
    kind: str
    pattern: re.Pattern[str]
    instead: Mapping[str, str] = field(default_factory=dict)
    plural: bool = False

    def fault_in(self, sentence: str, nouns: frozenset[str]) -> str | None:
        """The sentence with the fault in the first place that leaves no doubt; ``None`` where there is no such place."""
        for match in self.pattern.finditer(sentence):
            found = match.groupdict()
            named = [found[name] for name in ("noun", "of") if found.get(name)]
            if all(_is_noun(word, self.plural, nouns) for word in named):
                start, end = match.span("at")
                wrong = self.instead.get(found["at"].lower()) or _swapped(found["at"])
                return sentence[:start] + _cased(wrong, found["at"]) + sentence[end:]
        return None


_CONSONANT = r"(?=[bcdfgjklmnpqrstvwyz])(?=[a-z]{0,2}[aeiou])[a-z]{4,}"
_VOWEL = r"(?=[aeio])(?!eu|one|once)[a-z]{4,}"
_NOT_ARTICLE = rf"(?!(?:{'|'.join(sorted(_NO_ARTICLE))})\b)"
_SINGULAR, _PLURAL = {"is": "are", "has": "have", "does": "do"}, {"are": "is", "have": "has", "do": "does"}

RULES = (
    Rule(
        "noun_verb_agreement",
        "agreement",
        re.compile(
            rf"{_CLAUSE}(?:[Tt]he|[Tt]his|[Ee]ach|[Ee]very) (?P<noun>[a-z]+)(?: of (?:the|an?|each|this) (?P<of>[a-z]+))? "
            r"(?P<at>is|has|does)\b"
        ),
        _SINGULAR,
    ),
    Rule(
        "noun_verb_agreement",
        "agreement",
        re.compile(
            rf"{_CLAUSE}(?:[Tt]he|[Tt]hese|[Tt]hose|[Aa]ll|[Aa]ll the) (?P<noun>[a-z]+)"
            r"(?: of (?:the|these|all) (?P<of>[a-z]+))? (?P<at>are|have|do)\b"
        ),
        _PLURAL,
        plural=True,
    ),
    Rule("pronoun_verb_agreement", "agreement", re.compile(r"\b[Ii]t (?P<at>is|has)\b"), _SINGULAR),
    Rule("pronoun_verb_agreement", "agreement", re.compile(r"\b[Tt]hey (?P<at>are|have)\b"), _PLURAL),
    Rule("article_form", "determiner", re.compile(rf"\b(?P<at>[Aa]) {_NOT_ARTICLE}{_CONSONANT}\b"), {"a": "an"}),
    Rule("article_form", "determiner", re.compile(rf"\b(?P<at>[Aa]n) {_NOT_ARTICLE}{_VOWEL}\b"), {"an": "a"}),
    Rule(
        "demonstrative_number",
        "determiner",
        re.compile(rf"\b(?P<at>[Tt]his) (?P<noun>[a-z]+){_AFTER_NOUN}"),
        {"this": "these"},
    ),
    Rule(
        "demonstrative_number",
        "determiner",
        re.compile(rf"\b(?P<at>[Tt]hese) (?P<noun>[a-z]+){_AFTER_NOUN}"),
        {"these": "this"},
        plural=True,
    ),
    Rule("preposition_order", "order", re.compile(r"\b(?P<at>(?:of|with|into|from) the)\b")),
    Rule("auxiliary_order", "order", re.compile(r"\b(?P<at>(?:can|must|will|should|may) be)\b")),
    Rule(
        "article_order",
        "order",
        re.compile(
            r"\b(?:of|with|into|from) (?P<at>the (?P<noun>[a-z]+))(?= (?:is|are|to|if|when|that|which|and|of|in)\b|[,.])"
        ),
    ),
)


def identity() -> str:
    """What decides the pairs, without building them: the sha256 (hex) of the rules' and the packages' versions."""
    return rules_identity("pairs", [VERSION, PAIRS_A_PARADIGM, WORDS, NOUN_SEEN])


def load() -> Built[MinimalPair]:
    """The built set, of which only test has pairs, from the cache if it was built before.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    return built("pairs", identity(), _build, lambda row: MinimalPair(*row))


def _build() -> dict[Split, list[MinimalPair]]:
    texts = {split: list(prose(split)) for split in SPLITS}
    elsewhere = {sentence for split in ("train", "dev") for sentence in sentences(texts[split])}
    chosen = [sentence for sentence in sentences(texts["test"]) if sentence not in elsewhere]
    return {"train": [], "dev": [], "test": pairs(chosen, nouns_in(text for split in SPLITS for text in texts[split]))}


def sentences(paragraphs: Iterable[str]) -> list[str]:
    """The sentences of ordinary words, none twice."""
    found = (sentence for paragraph in paragraphs for sentence in _SENTENCE_END.split(paragraph))
    return [one for one in dict.fromkeys(found) if _PLAIN.fullmatch(one) and len(one.split()) in WORDS]


def nouns_in(paragraphs: Iterable[str]) -> frozenset[str]:
    """The words that the paragraphs use as nouns often enough."""
    seen = Counter(word for paragraph in paragraphs for word in _A_NOUN.findall(paragraph))
    return frozenset(word for word, times in seen.items() if times >= NOUN_SEEN and word not in _NO_NOUNS)


def pairs(chosen: Sequence[str], nouns: frozenset[str]) -> list[MinimalPair]:
    """The pairs of some sentences, paradigm by paradigm; no sentence is used twice.

    Args:
        chosen: sentences, none twice.
        nouns: words that are nouns.
    """
    order = sorted(chosen, key=lambda sentence: draw("pairs", sentence))
    used: set[str] = set()
    found: list[MinimalPair] = []
    for paradigm in dict.fromkeys(rule.paradigm for rule in RULES):
        rules = [rule for rule in RULES if rule.paradigm == paradigm]
        of_rule = _apart([list(_applied(rule, order, nouns, used)) for rule in rules])
        size = min([PAIRS_A_PARADIGM // len(rules), *map(len, of_rule)])
        made = [pair for one in of_rule for pair in one[:size]]
        used |= {good for good, _ in made}
        found += [
            MinimalPair(good, bad, paradigm, rules[0].kind, "", f"{paradigm}:{number}")
            for number, (good, bad) in enumerate(made)
        ]
    return found


def _applied(rule: Rule, order: Sequence[str], nouns: frozenset[str], used: set[str]) -> Iterator[tuple[str, str]]:
    for sentence in order:
        if sentence not in used and (bad := rule.fault_in(sentence, nouns)):
            yield sentence, bad


def _apart(of_rule: Sequence[Sequence[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    """What each rule makes, shortest first; a sentence to which several apply is left to the first."""
    taken: set[str] = set()
    apart = []
    for made in sorted(of_rule, key=len):
        apart.append([pair for pair in made if pair[0] not in taken])
        taken |= {good for good, _ in apart[-1]}
    return apart


def _is_noun(word: str, plural: bool, nouns: frozenset[str]) -> bool:
    """Whether a word surely is a noun of this number."""
    if word in _EITHER_NUMBER or word in _NO_NOUNS or word.endswith(("ed", "ss", "us")):
        return False
    if plural:
        return word.endswith("s") and (word in nouns or word[:-1] in nouns)
    return word in nouns and not word.endswith("s")


def _swapped(words: str) -> str:
    first, second = words.split(" ")
    return f"{second} {first}"


def _cased(wrong: str, right: str) -> str:
    """What takes the place of words, with a capital where they had one."""
    return wrong.capitalize() if right[0].isupper() else wrong
