"""The benchmark of the forecast: what it says beside what the exhaustive comparison found."""
