"""The tasks: their protocol and their registry.

Importing this package imports no torch, and no task needs torch: tasks turn examples into integers and
logits (NumPy arrays) into predictions and scores.
"""

from tasks.task import TASKS, Data, DatasetInfo, Task

__all__ = ["TASKS", "Data", "DatasetInfo", "Task"]
