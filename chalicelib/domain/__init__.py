"""The rules: frozen dataclasses and pure functions. Imports the standard library and `idna` alone."""
