"""What a forecast is asked for where nobody says otherwise."""

CONFIDENCE = 0.7
"""The chance asked for before a yes, or a no that may forgo something, and before the forecast
stops early: that of the least sure answer, where the others are surer. A comparison asks for 0.95:
it is the last word before tuning is paid for, where what is tuned after a forecast is measured
before it serves. After a no nothing is measured: whom that would cost dear asks for more."""
SHARE = 0.07
"""Of the comparison's quoted time (and money, where a hosted model is paid) that a forecast may
take."""
FINDINGS = "findings.jsonl"
"""The file of what a forecast found, in the folder it is made in."""
