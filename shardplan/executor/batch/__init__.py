"""The sparse ids of a batch: as a job gives them, and as one store looks them up."""
