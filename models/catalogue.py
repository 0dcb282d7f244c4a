"""The five built-in encoders with all their sizes.

`tiny` is our own size: the published design of each encoder (activation, dropout, norms, initialisation), small enough to
train on two cores. The five differ by at most 5 % in non-embedding parameters. `tiny-s64` is ours too; the others are published.
"""

from models.encoder import Encoder, Size

EMBEDDED_VOCABULARY = 8192

AVEY_B = Encoder(
    name="avey-b",
    description="attention-free: retrieved and compressed splits, static and dynamic mixing in turn",
    paper="Acharya and Hammoud 2026, arXiv 2602.15814",
    licence="Apache-2.0",
    config="models.avey_b:AveyBConfig",
    model="models.avey_b:AveyBModel",
    ablations="models.avey_b.ablations:ABLATIONS",
    model_types=("avey-b", "avey"),
    sizes={
        "tiny": Size(
            # Trained from scratch here, so padding rows can stay zero: the cost of a short text then depends on its tokens.
            options={
                "d_embed": 256,
                "n_layers": 6,
                "chunk_size": 256,
                "k": 3,
                "eps": 1e-12,
                "context_len": 2048,
                "padding": "zero",
            },
            vocab_size=EMBEDDED_VOCABULARY,
            parameters=5_317_638,
            parameters_non_embedding=3_220_486,
        ),
        "tiny-s64": Size(
            # For pretraining on short rows. A row of n < S tokens trains only the n x n corner of the static matrices, and
            # a row of a single split trains no retrieval. With S = 64 a row of 512 tokens has 8 splits, as many as the
            # published 2,048 tokens have with S = 256. A seventh layer makes up for the smaller matrices.
            options={
                "d_embed": 256,
                "n_layers": 7,
                "chunk_size": 64,
                "k": 3,
                "eps": 1e-12,
                "context_len": 2048,
                "padding": "zero",
            },
            vocab_size=EMBEDDED_VOCABULARY,
            parameters=5_351_943,
            parameters_non_embedding=3_254_791,
        ),
        "base": Size(
            options={
                "d_embed": 768,
                "n_layers": 30,
                "chunk_size": 256,
                "k": 3,
                "eps": 1e-12,
                "context_len": 2048,
                "padding": "live",
            },
            vocab_size=50368,
            parameters=163_929_118,
            parameters_non_embedding=125_246_494,
            hub_id="avey-ai/avey-b1-base-exp",
        ),
        "large": Size(
            # The paper gives the number of parameters, 391 M. Among the usual widths only 1024 leads to it.
            options={
                "d_embed": 1024,
                "n_layers": 46,
                "chunk_size": 256,
                "k": 3,
                "eps": 1e-12,
                "context_len": 2048,
                "padding": "live",
            },
            vocab_size=50368,
            parameters=391_270_446,
            parameters_non_embedding=339_693_614,
            hub_id="avey-ai/avey-b1-large-exp",
        ),
    },
)

_BERT_DESIGN = {
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}

BERT = Encoder(
    name="bert",
    description="post-norm transformer, learned positions, GELU",
    paper="Devlin et al. 2019, arXiv 1810.04805",
    licence="Apache-2.0",
    config="transformers:BertConfig",
    model="transformers:BertModel",
    model_types=("bert", "bert-linear"),
    model_options={"add_pooling_layer": False},
    sizes={
        "tiny": Size(
            options={
                "hidden_size": 256,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "intermediate_size": 1024,
                **_BERT_DESIGN,
            },
            vocab_size=EMBEDDED_VOCABULARY,
            parameters=5_388_288,
            parameters_non_embedding=3_159_552,
            max_length=512,
        ),
        "base": Size(
            options={
                "hidden_size": 768,
                "num_hidden_layers": 12,
                "num_attention_heads": 12,
                "intermediate_size": 3072,
                **_BERT_DESIGN,
            },
            vocab_size=30522,
            parameters=108_891_648,
            parameters_non_embedding=85_056_000,
            max_length=512,
            hub_id="google-bert/bert-base-uncased",
            revision="86b5e0934494bd15c9632b12f734a8a67f723594",
        ),
        "large": Size(
            options={
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
                **_BERT_DESIGN,
            },
            vocab_size=30522,
            parameters=334_092_288,
            parameters_non_embedding=302_311_424,
            max_length=512,
            hub_id="google-bert/bert-large-uncased",
            revision="6da4b6a26a1877e173fca3225479512db81a5e5b",
        ),
    },
)

# RoBERTa counts positions from pad_token_id + 1, so 512 tokens need 514 rows when the padding id is 1 (or 0).
_ROBERTA_DESIGN = _BERT_DESIGN | {"layer_norm_eps": 1e-5, "max_position_embeddings": 514, "type_vocab_size": 1}

ROBERTA = Encoder(
    name="roberta",
    description="BERT's architecture, trained longer on more text with a byte-level vocabulary",
    paper="Liu et al. 2019, arXiv 1907.11692",
    licence="MIT",
    config="transformers:RobertaConfig",
    model="transformers:RobertaModel",
    model_types=("roberta", "roberta-linear"),
    model_options={"add_pooling_layer": False},
    sizes={
        "tiny": Size(
            options={
                "hidden_size": 256,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "intermediate_size": 1024,
                **_ROBERTA_DESIGN,
            },
            vocab_size=EMBEDDED_VOCABULARY,
            parameters=5_388_544,
            parameters_non_embedding=3_159_552,
            max_length=512,
        ),
        "base": Size(
            options={
                "hidden_size": 768,
                "num_hidden_layers": 12,
                "num_attention_heads": 12,
                "intermediate_size": 3072,
                **_ROBERTA_DESIGN,
            },
            vocab_size=50265,
            parameters=124_055_040,
            parameters_non_embedding=85_056_000,
            max_length=512,
            hub_id="FacebookAI/roberta-base",
            revision="e2da8e2f811d1448a5b465c236feacd80ffbac7b",
        ),
        "large": Size(
            options={
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
                **_ROBERTA_DESIGN,
            },
            vocab_size=50265,
            parameters=354_310_144,
            parameters_non_embedding=302_311_424,
            max_length=512,
            hub_id="FacebookAI/roberta-large",
            revision="722cf37b1afa9454edce342e7895e588b6ff1d59",
        ),
    },
)

_MODERNBERT_DESIGN = {
    "hidden_activation": "gelu",
    "global_attn_every_n_layers": 3,
    "local_attention": 128,
    "global_rope_theta": 160_000.0,
    "local_rope_theta": 10_000.0,
    "attention_dropout": 0.0,
    "embedding_dropout": 0.0,
    "mlp_dropout": 0.0,
    "initializer_range": 0.02,
    "initializer_cutoff_factor": 2.0,
    "norm_eps": 1e-5,
    "max_position_embeddings": 8192,
}

MODERNBERT = Encoder(
    name="modernbert",
    description="pre-norm transformer, rotary positions, GeGLU, every third layer global, the others local",
    paper="Warner et al. 2024, arXiv 2412.13663",
    licence="Apache-2.0",
    config="transformers:ModernBertConfig",
    model="transformers:ModernBertModel",
    model_types=("modernbert", "modernbert-linear"),
    sizes={
        "tiny": Size(
            options={
                "hidden_size": 256,
                "num_hidden_layers": 6,
                "num_attention_heads": 4,
                "intermediate_size": 352,
                **_MODERNBERT_DESIGN,
            },
            vocab_size=EMBEDDED_VOCABULARY,
            parameters=5_295_360,
            parameters_non_embedding=3_198_208,
            max_length=8192,
        ),
        "base": Size(
            options={
                "hidden_size": 768,
                "num_hidden_layers": 22,
                "num_attention_heads": 12,
                "intermediate_size": 1152,
                **_MODERNBERT_DESIGN,
            },
            vocab_size=50368,
            parameters=149_014_272,
            parameters_non_embedding=110_331_648,
            max_length=8192,
            hub_id="answerdotai/ModernBERT-base",
            revision="8949b909ec900327062f0ebf497f51aef5e6f0c8",
        ),
        "large": Size(
            options={
                "hidden_size": 1024,
                "num_hidden_layers": 28,
                "num_attention_heads": 16,
                "intermediate_size": 2624,
                **_MODERNBERT_DESIGN,
            },
            vocab_size=50368,
            parameters=394_781_696,
            parameters_non_embedding=343_204_864,
            max_length=8192,
            hub_id="answerdotai/ModernBERT-large",
            revision="45bb4654a4d5aaff24dd11d4781fa46d39bf8c13",
        ),
    },
)

_NEOBERT_DESIGN = {
    "norm_eps": 1e-5,
    "embedding_init_range": 0.02,
    "decoder_init_range": 0.02,
    "max_length": 4096,
}

NEOBERT = Encoder(
    name="neobert",
    description="pre-norm transformer, rotary positions, SwiGLU, RMSNorm, deep and narrow",
    paper="Le Breton et al. 2025, arXiv 2502.19587",
    licence="MIT",
    config="models.neobert:NeoBERTConfig",
    model="models.neobert:NeoBERTModel",
    model_types=("neobert", "neobert-linear"),
    sizes={
        "tiny": Size(
            options={
                "hidden_size": 256,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "intermediate_size": 1024,
                **_NEOBERT_DESIGN,
            },
            vocab_size=EMBEDDED_VOCABULARY,
            parameters=5_261_568,
            parameters_non_embedding=3_164_416,
            max_length=4096,
        ),
        "base": Size(
            options={
                "hidden_size": 768,
                "num_hidden_layers": 28,
                "num_attention_heads": 12,
                "intermediate_size": 3072,
                **_NEOBERT_DESIGN,
            },
            vocab_size=30522,
            parameters=221_665_536,
            parameters_non_embedding=198_224_640,
            max_length=4096,
            hub_id="chandar-lab/NeoBERT",
            revision="d97a4acdc851efed665d0550ea5704f00ad3ef76",
        ),
    },
)
