"""The local runner: Signoff on one's own machine, with a real engine on disk and nothing to sign up for."""
