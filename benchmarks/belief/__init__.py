"""What is believed of strategies before they are measured whole, and how evidence moves it."""
