"""Signoff: the unsubscribe and preference centre that a sender of mail runs itself."""
