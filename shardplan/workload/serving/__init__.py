"""What is served: queries that arrive, what they ask for, and rows as inference stores them."""
