"""The engine: configuration, the one pipeline, the results store and the command line."""
