"""What a bench measured, as curves, tables and figures."""
