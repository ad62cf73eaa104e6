"""How long queries take under load: queues, forks, batches and stages in a row.

Knows neither tables nor machines: seconds of service and rates of arrivals go in.
"""
