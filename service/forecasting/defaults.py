"""What a forecast is asked for where nobody says otherwise."""

CONFIDENCE = 0.9
"""The chance asked for before a yes, and before the forecast stops early. A comparison asks for
0.95: it is the last word before tuning is paid for, where a forecast can still be followed by
one."""
SHARE = 0.07
"""Of the comparison's quoted time (and money, where a hosted model is paid) that a forecast may
take."""
FINDINGS = "findings.jsonl"
"""The file of what a forecast found, in the folder it is made in."""
