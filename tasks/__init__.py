"""The tasks: what a task is to the harness, and the registry of those there are.

Importing this package imports no torch, and no task needs torch: tasks turn examples into integers and
logits (NumPy arrays) into predictions and scores.
"""

from tasks.task import TASKS, Data, DatasetInfo, Task

__all__ = ["TASKS", "Data", "DatasetInfo", "Task"]
