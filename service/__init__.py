"""Deciding and serving: recommendation, reports, HTTP API and command line."""
