"""Tests of the use cases that run without a request."""
