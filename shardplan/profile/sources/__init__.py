"""Files of samples: found, and staged to Parquet where they are text."""
