"""One pretraining run from top to bottom: tokens, model, legs, results, records."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from harness.errors import InputError
from harness.json_file import read_json
from harness.machine import distributed, provenance
from harness.machine.calibration import matmul_rate
from harness.nn.determinism import make_repeatable
from harness.nn.masked_lm import MaskedLM
from harness.nn.masking import Masker
from harness.nn.training import DivergedError
from harness.pretraining import checkpoints, export
from harness.pretraining.baselines import counting_losses
from harness.pretraining.corpus import Corpus, find_corpus
from harness.pretraining.heldout import HeldOut, check_has_row, evaluate, held_out
from harness.pretraining.journal import Journal, tokens_to
from harness.pretraining.model import build
from harness.pretraining.recipe import PretrainRecipe
from harness.pretraining.request import PretrainRequest
from harness.pretraining.rows import Rows
from harness.pretraining.tokens import TokenFile, tokenised, tokenizer_identity
from harness.pretraining.training import CHECKPOINT_INTERVAL_S, CheckpointError, Leg, Setting, train_leg
from harness.progress import Reporter, silent, stderr
from harness.store import Key, Store
from harness.store.lock import held
from harness.store.pretrained import PRETRAINING_FILE, read_pretraining
from harness.store.record import PretrainingRecipe, PretrainingRecord, pretraining_record
from models import MODELS, loading
from models.encoder import Encoder
from models.parameters import count_parameters

PROTOCOL = 1
"""Raised when a change of the code changes the weights that a command gives."""

WORK = ".pretraining"
IDENTITY = "identity.json"


class BrokenRunError(Exception):
    """The run broke, in one sentence that says what is kept and how to go on."""


@dataclass(frozen=True)
class Pretraining:
    """A run whose names and data are resolved.

    Attributes:
        request: what was asked for.
        encoder, tokenizer, corpora, tokens: what its names mean.
    """

    request: PretrainRequest
    encoder: Encoder
    tokenizer: Any
    corpora: Sequence[Corpus]
    tokens: TokenFile

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the weights and the curve; checkpoints of another identity are never mixed in."""
        request = self.request
        return {
            "protocol": PROTOCOL,
            "model": {"name": request.model, "size": request.size, "options": dict(request.model_options)},
            "corpus": self.tokens.fingerprint,
            "tokenizer": tokenizer_identity(self.tokenizer),
            "recipe": json.loads(json.dumps(asdict(request.recipe))),
            "seed": request.seed,
            "branch_at": sorted(request.branch_at),
            "curve": {"eval_tokens": request.eval_tokens, "points": request.points}
            | ({"eval_rows": sorted(request.eval_rows)} if request.eval_rows else {}),
        }

    @cached_property
    def masker(self) -> Masker:
        """Masks rows of the run's tokenizer."""
        tokenizer = self.tokenizer
        corruption = self.request.recipe.corruption
        return Masker(len(tokenizer), tokenizer.mask_token_id, tokenizer.all_special_ids, corruption)

    def held(self, length: int) -> HeldOut:
        """The held-out rows of this length, always corrupted 80/10/10."""
        request, tokenizer = self.request, self.tokenizer
        masker = Masker(len(tokenizer), tokenizer.mask_token_id, tokenizer.all_special_ids)
        batch = min(request.recipe.batch_tokens, 8192)
        return held_out(self.tokens, masker, tokenizer.cls_token_id, length, request.eval_tokens, batch)

    def model(self) -> tuple[MaskedLM, Any]:
        """The model with the weights of the run's start, and its config for the checkpoint."""
        make_repeatable(self.request.seed)
        return build(self.encoder, self.request.size, self.request.model_options, self.tokenizer)


def resolve(request: PretrainRequest, report: Reporter = silent) -> Pretraining:
    """Resolve names and read the corpus.

    Raises:
        InputError: a name, the corpus, or a row length is not usable, or the corpus would be read too often.
    """
    encoder, recipe = MODELS[request.model], request.recipe
    if not isinstance(encoder, Encoder):
        raise InputError(f"{request.model} has no weights to pretrain; choose an encoder (see harness list)")
    encoder.size(request.size)
    tokenizer = find_tokenizer(request.tokenizer)
    _check_model(request, encoder, tokenizer)
    corpora = [find_corpus(name) for name in request.corpora]
    update = report("tokenise")
    distributed.from_first(lambda: bool(tokenised(corpora, tokenizer, recipe.tokens, update)))
    tokens = tokenised(corpora, tokenizer, recipe.tokens, update)
    _check_corpus(tokens, request)
    return Pretraining(request, encoder, tokenizer, corpora, tokens)


def resolve_like(other: Pretraining, request: PretrainRequest) -> Pretraining:
    """Resolve a request that has the model, corpus, tokenizer and number of tokens of a resolved one.

    Raises:
        InputError: its config or its row length is not usable, or the corpus would be read too often.
    """
    _check_model(request, other.encoder, other.tokenizer)
    _check_corpus(other.tokens, request)
    return Pretraining(request, other.encoder, other.tokenizer, other.corpora, other.tokens)


def _check_model(request: PretrainRequest, encoder: Encoder, tokenizer: Any) -> None:
    """See that the model can be built and takes the rows."""
    recipe = request.recipe
    request.ends()
    distributed.batch_share(recipe.batch_tokens // recipe.longest)
    model, _ = build(encoder, request.size, request.model_options, tokenizer)
    limit = loading.max_length(model.encoder, encoder, request.size)
    if limit is not None and _longest_row(request) > limit:
        raise InputError(
            f"{request.model} takes at most {limit} tokens, not rows of {_longest_row(request)}; use shorter --rows"
        )


def _longest_row(request: PretrainRequest) -> int:
    return max(request.recipe.longest, *request.eval_rows, 0)


def _check_corpus(tokens: TokenFile, request: PretrainRequest) -> None:
    """See that the corpus has enough text to train and to evaluate on."""
    _check_enough(tokens, request.recipe)
    check_has_row(tokens, _longest_row(request))


def _check_enough(tokens: TokenFile, recipe: PretrainRecipe) -> None:
    n_tokens = len(tokens.train) // recipe.longest * recipe.longest
    if n_tokens < recipe.batch_tokens:
        raise InputError(
            f"the corpus has {len(tokens.train)} training tokens, less than one batch of {recipe.batch_tokens}; give more text "
            "or a smaller --batch-tokens"
        )
    passes = recipe.steps * recipe.batch_tokens / n_tokens
    if passes > recipe.passes + 1e-9:
        raise InputError(
            f"{recipe.tokens} tokens would read the corpus of {n_tokens} tokens {passes:.1f} times, and more than "
            f"{recipe.passes:g} passes teach little; give more text, fewer --tokens, or --passes {int(passes) + 1}"
        )


def find_tokenizer(name: str) -> Any:
    """The tokenizer that ``--tokenizer`` names.

    Raises:
        InputError: there is none, or it has no mask token or separator.
    """
    if name == "embedded":
        from models import tokenizer as embedded_tokenizer

        return embedded_tokenizer.embedded()
    folder = Path(name).expanduser()
    if not folder.is_dir() and name.count("/") != 1:
        raise InputError(f"there is no folder {name}; --tokenizer takes embedded, a folder or a hub id OWNER/NAME")
    kind = "folder" if folder.is_dir() else "hub"
    found = loading.load_tokenizer(loading.Weights(kind, str(folder) if kind == "folder" else name, None, ""))
    for what, value in (("mask token", found.mask_token_id), ("separator", found.sep_token_id)):
        if value is None:
            raise InputError(f"the tokenizer {name} has no {what}, which pretraining needs; choose another --tokenizer")
    return found


def pretrain(
    planned: Pretraining,
    store: Store,
    report: Reporter = silent,
    curves: Path | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
) -> list[PretrainingRecord]:
    """Train, or go on where an earlier attempt was cut off, and keep every result.

    Args:
        planned: what to train.
        store: gets a record of each result.
        report: shows the stages.
        curves: folder of TensorBoard's event files.
        checkpoint_interval_s: seconds between checkpoints.

    Returns:
        The records, that of the whole run last; none in a process that is not the first.

    Raises:
        InputError: the folder holds something else, or cannot be written.
        BrokenRunError: the loss is not a number any more, or the disk is full.
    """
    request = planned.request
    distributed.refuse_different(_digest(planned.identity))
    if distributed.is_first():
        Store(request.out).check_writable()
    with _alone(request.out):
        problem = distributed.from_first(lambda: _problem_of(_settle, request.out, planned.identity))
        if problem:
            raise InputError(problem)
        store.check_writable()
        rate = matmul_rate(request.recipe.precision)[0]  # before anything is seeded: it draws random numbers
        with _sentences(request.out):
            run = _Run(planned, store, report, curves, checkpoint_interval_s, rate)
            records = [run.result_at(end) for end in request.ends()]
        if distributed.is_first():
            shutil.rmtree(request.out / WORK, ignore_errors=True)
    return [record for record in records if record is not None]


@dataclass
class _Run:
    planned: Pretraining
    store: Store
    report: Reporter
    curves: Path | None
    checkpoint_interval_s: float
    matmul_flops_per_s: float

    def __post_init__(self) -> None:
        request = self.planned.request
        self.work = request.out / WORK
        self.held = self.planned.held(min(request.recipe.rows))
        self.setting: Setting | None = None

    def result_at(self, end: int) -> PretrainingRecord | None:
        """The result after so many steps: trained, exported and recorded, unless it was before."""
        request = self.planned.request
        is_last = end == request.recipe.steps
        target = request.out if is_last else request.out / f"branch-{short(request.ends()[end])}"
        record = distributed.from_first(lambda: read_pretraining(target))
        if record is None:
            journal, model, config = self._trained(end)
            record = self._export(end, target, journal, model, config)
        if record is None or not distributed.is_first():
            return None
        kept = Key.of(record)
        if not self.store.has(kept):
            self.store.write(kept, record, None)
        return record

    def _trained(self, end: int) -> tuple[Journal, MaskedLM, Any]:
        recipe = self.planned.request.recipe
        trunk, stop = self.work / "trunk", recipe.trunk_of(end)
        last = distributed.from_first(lambda: checkpoints.last_in(trunk))
        reached = checkpoints.number_of(last) if last else 0
        branch = self.work / f"branch-{end}"
        if reached > stop:
            raise InputError(
                f"the trunk in {self.work} is past the branch at {end * recipe.batch_tokens} tokens; remove the folder to begin anew"
            )
        setting = self._setting()
        model, config = self.planned.model()
        journal = Journal()
        if reached < stop or stop == end:
            journal = train_leg(model, Leg(0, stop, stop, trunk), setting)
            if stop < end:
                model, config = self.planned.model()
        if stop < end:
            journal = train_leg(model, Leg(stop, end, stop, branch, trunk / f"checkpoint-{stop}"), setting)
        return journal, model, config

    def _setting(self) -> Setting:
        if self.setting is None:
            request, tokenizer = self.planned.request, self.planned.tokenizer
            recipe = request.recipe
            rows = Rows(self.planned.tokens.train, recipe.longest, tokenizer.cls_token_id, request.seed)
            self.setting = Setting(
                recipe,
                request.seed,
                rows,
                self.planned.masker,
                self.held,
                max(1, recipe.steps // request.points),
                self.checkpoint_interval_s,
                self.curves,
                self.report("pretrain"),
            )
        return self.setting

    def _export(
        self, end: int, target: Path, journal: Journal, model: MaskedLM, config: Any
    ) -> PretrainingRecord | None:
        """Write the result beside, and move it to its place when it is whole."""
        from harness.nn.inference import autocast
        from harness.pretraining.card import write_card

        device = next(model.parameters()).device
        recipe = self.planned.request.recipe
        model.eval()
        lengths = dict.fromkeys((self.held.length, recipe.longest, *self.planned.request.eval_rows))
        held = [self.held if length == self.held.length else self.planned.held(length) for length in lengths]
        with autocast(device, recipe.precision):
            by_rows = {one.length: evaluate(model, one, device) for one in held}
        if not distributed.is_first():
            return None
        staged = self.work / f"result-{end}"
        shutil.rmtree(staged, ignore_errors=True)
        export.save(model, config, self.planned.tokenizer, staged)
        weights = loading.find_weights(self.planned.encoder, "custom", str(staged)).identity
        record = self._record(end, journal, model, by_rows, weights)
        write_card(staged, record)
        (staged / PRETRAINING_FILE).write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(
            staged.iterdir(), key=lambda file: file.name == PRETRAINING_FILE
        ):  # last what says that all is there
            file.replace(target / file.name)
        staged.rmdir()
        return record

    def _record(
        self, end: int, journal: Journal, model: MaskedLM, by_rows: dict[int, dict[str, float]], weights: str
    ) -> PretrainingRecord:
        planned, request = self.planned, self.planned.request
        recipe, meta = request.recipe, planned.tokens.meta
        tokens = end * recipe.batch_tokens
        baselines = {
            name: self.held.scores(loss)
            for name, loss in counting_losses(
                planned.tokens.train, len(planned.tokenizer), planned.masker.is_special, self.held.masked
            ).items()
        }
        heldout = by_rows[self.held.length]
        train_s = journal.seconds["train"]
        return pretraining_record(
            key=_digest(planned.identity | {"branch_at": end})[:16],
            identity=planned.identity,
            model={
                "name": request.model,
                "size": request.size,
                "options": dict(request.model_options),
                "weights": "scratch",
                "identity": weights,
                **count_parameters(model.encoder),
            },
            task={
                "name": "pretraining",
                "dataset": "pretraining/" + "+".join(Path(corpus.name).name for corpus in planned.corpora),
                "fingerprint": planned.tokens.fingerprint,
                "corpora": meta["corpora"],
                "tokenizer": {
                    "name": request.tokenizer,
                    "identity": tokenizer_identity(planned.tokenizer),
                    "vocabulary": len(planned.tokenizer),
                },
                "tokens": meta["tokens"],
                "documents": meta["documents"],
                "bytes_per_token": planned.tokens.bytes_a_token,
                "metric": "bits_per_byte",
            },
            recipe=cast(
                PretrainingRecipe,
                asdict(recipe)
                | {
                    "protocol": PROTOCOL,
                    "tokens": tokens,
                    "trunk_tokens": recipe.tokens,
                    "steps": end,
                    "warmup_steps": recipe.warmup_steps,
                    "trunk_steps": recipe.trunk_of(end),
                    "passes_read": tokens / (len(planned.tokens.train) // recipe.longest * recipe.longest),
                    "eval_tokens": request.eval_tokens,
                    "points": request.points,
                },
            ),
            seed=request.seed,
            scores={"heldout": heldout, "heldout_by_rows": {str(rows): found for rows, found in by_rows.items()}},
            baselines=baselines,
            tokens_to_5_nats=tokens_to(journal.curve),
            curve=journal.curve,
            losses=journal.losses,
            flops=journal.flops,
            seconds=journal.seconds,
            throughput={
                "tokens_per_s": tokens / train_s if train_s else None,
                "mfu": journal.flops / train_s / self.matmul_flops_per_s if train_s else None,
                "matmul_flops_per_s": self.matmul_flops_per_s,
            },
            resumed_from=journal.resumed_from,
            peak_memory_mib=provenance.peak_memory_mib(),
            environment=provenance.environment() | {"processes": distributed.processes()},
            command=request.command(),
        )


@contextmanager
def _sentences(out: Path) -> Iterator[None]:
    """Turn what breaks a run into the sentence that says how to go on."""
    kept = f"the same command goes on from the last whole checkpoint in {out / WORK}"
    try:
        yield
    except DivergedError as error:
        raise BrokenRunError(
            f"{error}; the last checkpoint from before is kept in {out / WORK}; use a lower --lr and another --out"
        ) from error
    except (CheckpointError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BrokenRunError(f"{out} cannot be written ({reason}); free some space: {kept}") from error


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder of the result.

    Raises:
        InputError: another process pretrains into it.
    """
    if not distributed.is_first():
        yield
        return
    with held(out / ".pretraining.lock", wait=False) as free:
        if not free:
            raise InputError(f"another process pretrains into {out}; wait for it, or choose another --out")
        yield


def _problem_of(check: Callable[..., None], *arguments: Any) -> str:
    """The sentence of an InputError, so that every process can raise it; empty if there is none."""
    try:
        check(*arguments)
    except InputError as error:
        return str(error)
    return ""


def check_folder(out: Path, identity: dict[str, Any]) -> None:
    """See that the folder is missing, empty or belongs to this run.

    Raises:
        InputError: it holds something else.
    """
    finished = read_pretraining(out)
    earlier = finished["identity"] if finished else _read_json(out / WORK / IDENTITY)
    if earlier is not None and earlier != identity:
        different = ", ".join(name for name in identity if earlier.get(name) != identity[name])
        raise InputError(
            f"{out} holds a pretraining that differs in {different}; choose another --out, or remove the folder"
        )
    ours = {WORK, ".pretraining.lock"}
    if earlier is None and out.is_dir() and (others := sorted({path.name for path in out.iterdir()} - ours)):
        raise InputError(f"{out} holds other files, such as {others[0]}; choose an empty folder as --out")


def _settle(out: Path, identity: dict[str, Any]) -> None:
    """Check the folder, and claim it for this run."""
    check_folder(out, identity)
    if read_pretraining(out):
        return
    file = out / WORK / IDENTITY
    file.parent.mkdir(exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(identity, indent=1), encoding="utf-8")
    unfinished.replace(file)


def _read_json(file: Path) -> dict[str, Any] | None:
    try:
        found = read_json(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def short(tokens: int) -> str:
    """A number of tokens for people and file names: 10M, 2.5M, 300K."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if tokens >= size:
            return f"{tokens / size:.3g}{unit}"
    return str(tokens)


def say(record: PretrainingRecord) -> None:
    """One line about a result on stderr."""
    heldout, baselines = record["scores"]["heldout"], record["baselines"]
    reached = record["tokens_to_5_nats"]
    stderr.print(
        f"{record['model']['name']} {record['model']['size']} after {short(record['recipe']['tokens'])} tokens: held-out "
        f"{heldout['loss']:.3f} nats a token, {heldout['bits_per_byte']:.3f} bits a byte, accuracy {heldout['accuracy']:.3f}; "
        f"counting: unigram {baselines['unigram']['loss']:.3f}, bigram {baselines['bigram']['loss']:.3f}; "
        + (f"5 nats after {short(int(reached))} tokens" if reached else "5 nats never reached")
        + ("; still on the plateau: no better than the bigram" if record["on_plateau"] else "")
    )
