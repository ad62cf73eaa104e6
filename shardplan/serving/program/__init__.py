"""The choice among options: the program, and a quick bound."""
