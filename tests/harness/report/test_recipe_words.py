"""What recipes say in words."""

from harness.report.recipe_words import recipe_sentence


def test_a_recipe_without_training_says_so():
    read = {"max_length": 64, "precision": "bf16"}
    assert recipe_sentence({"epochs": 0.0, "batch_size": 32, **read}) == "nothing was trained, at most 64 tokens, bf16"
    assert recipe_sentence({"epochs": 0.0, "max_steps": 9, "batch_size": 32, **read}).startswith(
        "9 steps, batches of 32"
    )
