"""Where examples come from: the installed packages' docstrings, local folders, the Hugging Face hub."""
