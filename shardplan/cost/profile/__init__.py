"""The measured figures that the analytic cost model computes with, and their file."""
