"""The ablations of the Avey-B paper (Acharya and Hammoud, ICLR 2026, arXiv 2602.15814).

The paper varies the arrangement of layers, the normalisation of similarities, the mask rate, the row length, S, k, the
compression, its residual, and the direction of the ranker. A finding is declared only where one could be read: in notes on
the paper or in a summary of it. Its tables of numbers were not at hand, so no number is given, and the other ablations have no finding.
"""

from models.ablations import Ablation, Finding

_OVERALL = ("ner", "classification", "nli", "span", "retrieval", "mteb")
"""Families of the four kinds of tasks that the paper averages over."""
_SUMMARY = "arXiv 2602.15814, as summarised at https://arxivlens.com/PaperView/Details/avey-b-7828-5a1358c2"
_STATIC_FIRST = Finding(
    "worse", "static and dynamic layers in turn, a static one first, are best overall", _SUMMARY, _OVERALL
)
_ALL_DYNAMIC = Finding("worse", "dynamic layers alone are worse", _SUMMARY, _OVERALL)
_BIDIRECTIONAL = Finding(
    "worse",
    "ranking in both directions hurts question answering and retrieval",
    "arXiv 2602.15814, ablation of the ranker",
    ("span", "retrieval", "mteb"),
)

ABLATIONS = (
    Ablation("dynamic-first", {"arrangement": "dynamic_first"}, finding=_STATIC_FIRST),
    Ablation("all-static", {"arrangement": "all_static"}, finding=_STATIC_FIRST),
    Ablation("all-dynamic", {"arrangement": "all_dynamic"}, finding=_ALL_DYNAMIC),
    Ablation("static-then-dynamic", {"arrangement": "static_then_dynamic"}, finding=_STATIC_FIRST),
    Ablation("dynamic-then-static", {"arrangement": "dynamic_then_static"}, finding=_STATIC_FIRST),
    Ablation("softmax", {"similarity": "softmax"}),
    Ablation("rms-norm", {"similarity": "rms_norm"}),
    Ablation("no-normalisation", {"similarity": "none"}),
    Ablation("bidirectional-ranker", {"ranker_direction": "bidirectional"}, finding=_BIDIRECTIONAL),
    Ablation("no-compression", {"compression": "false"}),
    Ablation("no-residual", {"compression_residual": "false"}),
    Ablation("split-32", {"chunk_size": "32"}),
    Ablation("split-128", {"chunk_size": "128"}),
    Ablation("k-1", {"k": "1"}),
    Ablation("k-5", {"k": "5"}),
    Ablation("mask-15", recipe={"mask_rate": "0.15"}),
    Ablation("mask-20", recipe={"mask_rate": "0.2"}),
    Ablation("mask-30", recipe={"mask_rate": "0.3"}),
    Ablation("rows-256", recipe={"rows": "256"}),
    Ablation("rows-512", recipe={"rows": "512"}),
)
