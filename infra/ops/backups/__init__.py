"""Backups: what both tables hold and the secrets, encrypted to a key whose private half is not in the account."""
