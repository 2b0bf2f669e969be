"""The sender API: JSON over HTTP, described as OpenAPI 3.1. One module and one description for each group of routes."""
