"""What a job tells its planner, in the words of a spec."""
