"""The sender API."""
