"""The analytic cost model: a few physical terms per phase."""
