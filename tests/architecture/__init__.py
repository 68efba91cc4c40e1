"""The house rules, as tests over the source itself.

Each file states rules of one kind: the rule as a function that yields offences, the test that the
repository has none, and the test that the rule finds what it is for.
"""
