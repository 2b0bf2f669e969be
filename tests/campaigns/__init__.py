"""The large campaigns: whole in `make prove`, at a thousandth of their size in `make test`."""
