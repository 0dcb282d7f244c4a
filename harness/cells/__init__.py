"""Requests as users type them, cells with every value resolved, recipes and grids."""
