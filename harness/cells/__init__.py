"""What is asked for: requests as users type them, cells in which nothing is left open, recipes and grids."""
