"""GraphQL streams as clients meet them: over WebSockets and server-sent events."""
