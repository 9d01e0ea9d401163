"""Running strategies over a task and measuring quality, latency and cost."""
