"""Fine-tuned checkpoints compute as the encoder that was fine-tuned."""

import pytest
import torch
import transformers

from models import loading
from models.fine_tuned import find_fine_tuned, load_with_head

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


@pytest.mark.parametrize(("kind", "values"), [("bert", {}), ("modernbert", {"local_attention": 8})])
def test_a_checkpoint_has_the_attention_kernel_of_its_bare_encoder(kind, values, tokenizer, tmp_path):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **SMALL, **values
    )
    transformers.AutoModelForTokenClassification.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    found = find_fine_tuned(str(tmp_path))
    model, _ = load_with_head(found, "token")
    bare, _ = loading.load(found.encoder, "custom", found.weights)
    assert model.config._attn_implementation == bare.config._attn_implementation
    plain = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path)
    assert plain.config._attn_implementation != model.config._attn_implementation
    ids = torch.randint(5, len(tokenizer), (2, 200))
    mask = torch.ones_like(ids)
    mask[1, 150:] = 0
    with torch.inference_mode():
        ours, theirs = (one.eval()(input_ids=ids, attention_mask=mask).logits for one in (model, plain))
    assert (ours - theirs)[mask.bool()].abs().max() < 1e-5
