"""The engine: an operation compiled once into an operation plan, and run as a few SQL statements.

Owns: reading what a type's declaration says of each field and holding it to the models
(`mapped`), an operation's selections as shapes (`shapes`), what its guards decide for a subject
(`guards`), the SQL (`statements`) and the functions that make the answer of its rows (`builders`),
and running them (`plan`, `run`).
May import: `schema`'s directives, mapping, connection, ids and errors; `identity`; `models`;
strawberry and graphql-core. Never a noun's folder or the finished schema: it is given one.
Leaves to others: what cannot be compiled and whatever is unusual in a request, which graphql-core
executes on the same schema (`schema.execution`); mutations' use cases (`identity`).
"""
