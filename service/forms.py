"""The files in which reports and forecasts come."""

FORMATS = (".json", ".md", ".html")
REPORT_FILES = tuple(f"report{ending}" for ending in FORMATS)
FORECAST_FILES = tuple(f"forecast{ending}" for ending in FORMATS)
BASIS_FILE = "what-if.json"
"""What what-ifs rest on, beside a report (`service.basis`)."""
