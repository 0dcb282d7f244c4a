"""Import scores of other tools, and export ours in formats that others read."""
