"""The command line for people who use a sender's API: import, export, check, changes."""
