"""One function per verb: load, decide, record."""
