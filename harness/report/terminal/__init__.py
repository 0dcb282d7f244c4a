"""Tables that commands print on a terminal."""
