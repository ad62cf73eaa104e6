"""Plans how the embedding tables of a recommendation model are sharded over a training cluster."""

__version__ = "0.1.0"
