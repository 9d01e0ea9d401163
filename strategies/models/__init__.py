"""Models that generate text, behind one small protocol."""
