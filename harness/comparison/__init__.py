"""Choose the runs to compare, and test them in pairs. Statistics are pure functions in `stats`."""
