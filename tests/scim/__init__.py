"""Tests of the SCIM door: the storage against the library's contract, the rest over HTTP."""
