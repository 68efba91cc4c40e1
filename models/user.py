from tortoise import fields

from models.record import Record


class User(Record):
    """A person's account. It is the anchor of memberships and is never looked up by email.

    `email` is the address the account was opened with; what an organization knows of the person
    (address, name, user name) stands on `Member`, so that one tenant never edits another's view.
    """

    email = fields.CharField(max_length=320)
    name = fields.CharField(max_length=200)

    class Meta:
        table = "users"
