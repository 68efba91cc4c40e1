"""Tests at the GraphQL door, over HTTP."""
