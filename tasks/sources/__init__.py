"""The sources of examples: docstrings of installed packages, local folders, the Hugging Face hub."""
