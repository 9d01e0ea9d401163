"""The data a decision stands on: tasks, examples, documents, splits and data checks."""
