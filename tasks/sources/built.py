"""Datasets that are built on this machine and cached, with a fingerprint of their examples."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tasks.data import Data
from tasks.sources.docstrings.cache import read_cached, write_cached
from tasks.sources.docstrings.packages import SPLITS, Split, corpus_identity, versions
from tasks.sources.splits import fingerprint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Built(Generic[T]):
    """The examples of each split, the sha256 (hex) of all of them in order, and the package versions they were built from."""

    splits: dict[Split, list[T]]
    fingerprint: str
    versions: dict[str, str]

    def data(self, labels: tuple[str, ...]) -> Data:
        """The dataset, with the labels of the head."""
        return Data(self.splits, labels, "embedded", self.fingerprint, sources=self.versions)


def rules_identity(name: str, rules: object) -> str:
    """The identity of a set that is built from the docstrings: the sha256 (hex) of its rules and of the packages' versions.

    Args:
        name: of the set.
        rules: every rule that affects the examples; its ``repr`` counts.
    """
    return hashlib.sha256(f"{name} {rules} {corpus_identity()}".encode()).hexdigest()


def built(
    name: str, identity: str, build: Callable[[], Mapping[Split, list[T]]], example: Callable[[list[Any]], T]
) -> Built[T]:
    """The set with this identity, from the cache if it was built before.

    Args:
        name: of the set and of its file in the cache.
        identity: sha256 (hex) of everything that affects the examples.
        build: builds the examples of each split, which are dataclasses.
        example: builds an example from the values of its fields, in which JSON has turned tuples into lists.

    Raises:
        InputError: a package of the corpus is not installed.
    """
    cached = read_cached(f"{name}-examples", identity)
    if cached is None:
        splits = build()
        rows = {split: [astuple(one) for one in splits[split]] for split in SPLITS}
        cached = {"fingerprint": fingerprint(splits), "splits": rows}
        write_cached(f"{name}-examples", identity, cached)
    return Built(
        {split: [example(row) for row in cached["splits"][split]] for split in SPLITS},
        cached["fingerprint"],
        versions(),
    )


def draw(*parts: str) -> int:
    """A pseudorandom number below 2**64 that depends only on the words."""
    return int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:8], "big")
