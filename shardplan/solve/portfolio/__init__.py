"""What runs when, and when it ends."""
