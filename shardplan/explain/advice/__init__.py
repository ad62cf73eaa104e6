"""What is legal but may not be meant: one file for each rule, of a case, of a plan, or of both."""
