"""How the job of a plan is started where it runs."""
