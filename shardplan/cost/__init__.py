"""What a plan costs: seconds of each phase and bytes of each tier, as pure functions."""
