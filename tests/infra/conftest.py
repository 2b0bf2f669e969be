from tests.engines import dynoxide, dynoxide_tables, local_aws, moto_dynamodb  # noqa: F401
