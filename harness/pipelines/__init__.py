"""One cell from its data to its record: load, encode, train, predict, score."""
