"""The tests, run with `make test`.

One folder a door or package, one file a behaviour; `architecture/` holds the house rules and
`peers/` starts the real programs that Gatepost is tested against.
"""
