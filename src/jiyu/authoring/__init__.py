"""Authoring: what keeps a policy honest, its own examples and the lint over its phrases."""
