"""Datasets as tables: files of any usual format and repositories of the hub, whose columns are recognised or named."""
