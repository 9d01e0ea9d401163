"""Telling what a comparison would find, from evidence that costs a fraction of it."""
