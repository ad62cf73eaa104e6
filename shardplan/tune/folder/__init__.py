"""What is known so far, kept in a folder."""
