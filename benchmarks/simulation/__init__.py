"""Simulations with known truths, which the statistics of the product are held against."""
