from tortoise import fields

from models.record import Record


class TrustedDocument(Record):
    """A GraphQL document that clients ask for by an identifier instead of sending it.

    One row for each identifier: `sha256:` with the hex digest of the text and, where a client's
    build tool calls it otherwise, that name too. A row is added by the operator and never changed.
    It belongs to the deployment: which screens a frontend has does not differ by organization.
    """

    identifier = fields.CharField(max_length=80, unique=True)
    text = fields.TextField()

    class Meta:
        table = "trusted_documents"
