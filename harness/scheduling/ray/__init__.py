"""Run cells on the nodes of a Ray cluster, each in its own process there; results arrive in the one store here.

A node needs Python and the harness's dependencies; the harness's own code and plug-in files are sent to it. Data and
weights are read on the node: from the hub, or from a path that exists there too. A result is kept as soon as it arrives. If a
node is lost, only the cells that ran on it are lost, and they run again elsewhere.
"""
