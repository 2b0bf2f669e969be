"""Commands for those who run a deployment. They work on its tables, and not through its API."""
