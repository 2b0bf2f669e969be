"""Containers in processes of their own, whose keys are rotated while they are asked."""
