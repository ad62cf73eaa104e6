"""What is trained: tables, how ids hit their rows, batch and training settings."""
