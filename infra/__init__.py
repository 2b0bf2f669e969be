"""Everything around the service: its storage, the local runner, the command line of those who run it."""
