"""From files that people already have to a task: understanding them, and writing the folder."""
