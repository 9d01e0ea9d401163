"""What can be learned of strategies before they are run whole, and what learning it costs."""
