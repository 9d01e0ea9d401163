"""What a person relies on who runs the service, measured part by part."""
