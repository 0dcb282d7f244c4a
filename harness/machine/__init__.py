"""This machine: processes, memory, versions and hardware, and training across several processes."""
