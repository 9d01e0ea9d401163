"""Ways to answer a task, and the models they answer with."""
