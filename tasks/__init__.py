"""The tasks: their protocol and their registry.

Importing this package imports no torch, and no task needs torch: tasks turn examples into integers and
logits (NumPy arrays) into predictions and scores.
"""

from tasks.data import Data, DatasetInfo
from tasks.registered import TASKS
from tasks.task import Task

__all__ = ["TASKS", "Data", "DatasetInfo", "Task"]
