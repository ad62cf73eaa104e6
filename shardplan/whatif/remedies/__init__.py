"""Changes after which an infeasible spec has a plan; each is tried."""
