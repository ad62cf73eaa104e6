"""Reports of plans for serving."""
