"""What was done: the catalogue of actions, diffs, and the writing of events.

Owns: `actions` (every sensitive action by name), `diff` (what changed), `record` (one row an
action, in the transaction of the action), `read` (the log, for those who may read it), `filters`
(which events somebody asks for, with `words` for free text), `formats` and `ocsf` (events as lines
of a file), `export_size` (how many there will be), `canonical`
(an event as the one text that is exported and sealed), `sealing` (the chain of seals, off the write
path; its arithmetic in `chain`, its keys in `signing`), `verifying` (the log against its seals),
`sealed_file` and `sealed_file_check` (the same in a file) and `replay` (how access was before
events).
May import: `models`, `identity.subject`, `identity.refusals`, `identity.access`, Tortoise's query
sets.
Leaves to others: deciding. A use case records what it did, inside `identity.writing.writing`.
"""
