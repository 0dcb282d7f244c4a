"""Readers and writers of local files: CoNLL, SQuAD JSON, JSON lines and BEIR folders."""
