"""What a sizing answers, as its file has it."""
