"""The closed loop: plans run by the job itself, the model corrected, the best one kept."""
