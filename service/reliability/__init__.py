"""How reliable the service is, measured."""
