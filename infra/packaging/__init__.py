"""What `chalice deploy` and `chalice package` put into the layer and the zip (docs/decisions/0014-package.md)."""
