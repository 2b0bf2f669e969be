"""What `chalice deploy` and `chalice package` put into the layer and the zip (docs/decisions/0016-package.md)."""
