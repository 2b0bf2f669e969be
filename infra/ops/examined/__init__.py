"""A deployment looked at from outside: what is there, beside what the stacks and `.chalice/` say should be there."""
