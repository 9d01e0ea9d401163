"""Speed benchmarks: our side and the standard tools on the same work, in turns, as ratios."""
