"""What is counted of operations. Each label has few values: the reasons are texts of the code."""

from prometheus_client import Counter

OPERATIONS = Counter(
    "gatepost_graphql_operations", "GraphQL operations, by what executed them.", ["executor"]
)
FALLBACKS = Counter(
    "gatepost_graphql_fallbacks",
    "GraphQL operations that graphql-core executed, by what the engine does not compile.",
    ["reason"],
)
by_engine = OPERATIONS.labels("engine")
by_graphql_core = OPERATIONS.labels("graphql-core")
