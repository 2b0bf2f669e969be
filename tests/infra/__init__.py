"""Tests of the storage stack and the local runner."""
