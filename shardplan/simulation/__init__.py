"""What queries go through, event by event: a second opinion on latency, with no formula of it."""
