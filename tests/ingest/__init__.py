"""The outside world's files, and what is read out of them."""
