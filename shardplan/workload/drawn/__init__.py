"""Ids and lengths of bags drawn as access patterns and poolings say."""
