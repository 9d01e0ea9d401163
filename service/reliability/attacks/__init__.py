"""Attacks on the service, each shown to be refused, and to get through without its guard."""
