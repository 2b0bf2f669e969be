"""Restoring: tables that hold half of their last transactions are made whole, and what is newer is taken over."""
