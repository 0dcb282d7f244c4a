"""The declared datasets, a file for each family: where each is published, at which commit, and how its files are read.

Every file is named and read as plain Parquet or JSON lines, so no loading script of a repository ever runs. Label names are in
the order of the ids in the files.
"""
