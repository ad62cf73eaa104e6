"""What engines train otherwise than planned, or not at all."""
