"""Made-up tasks in which the right decision is known, and whether the rule finds it."""
