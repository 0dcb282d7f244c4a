"""Which runs are compared, and the paired tests between them. Statistics are pure functions in `stats`."""
