"""Many cells: which of them still have to run, where they run, and how long that takes."""
