"""The only code that knows DynamoDB: private PynamoDB models, public functions that speak domain."""
