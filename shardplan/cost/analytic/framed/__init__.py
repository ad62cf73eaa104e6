"""What frameworks add to the phases of a step, and phases that are theirs alone."""
