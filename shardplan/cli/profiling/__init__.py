"""What ``profile`` says, and while it counts."""
