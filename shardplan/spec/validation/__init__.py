"""All faults at once, in plain words."""
