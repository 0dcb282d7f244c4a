"""Cells on the nodes of a Ray cluster: each in a process of its own there, its result brought into the one store here.

A node needs Python and the harness's dependencies; the harness's own code and plug-in files are sent along. Data and
weights are read on the node: from the hub, or from a path that the node sees too. What a node has finished is kept the
moment it arrives, so that a lost node loses what it was at, which runs again elsewhere, and nothing else.
"""
