"""Webhooks: audit events of an organization, delivered to addresses that its owners name.

Owns: `managing` (webhooks and their secrets), `selecting` (which events), `feed` (the events in
the order of their commits), `messages` (what is sent, signed by Standard Webhooks), `delivering`
(attempts, one after the other for each webhook), `disabling` (what fails for too long), `lining_up`
(tests and redelivery), `expiring` (what is kept of deliveries, and how long).
May import: `models`, `identity`'s own modules, orjson.
Leaves to others: connecting (`identity.fetching`), when the worker looks (`gateway`).
"""
