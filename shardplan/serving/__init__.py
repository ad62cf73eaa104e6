"""Plans for serving a model: rows stored and placed over the devices of a replica, and replicas."""
