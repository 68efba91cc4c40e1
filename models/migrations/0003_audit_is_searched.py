"""What `identity.audit.filters` reads audit events by, beside the indexes that the models declare:
the few that did not succeed, and on PostgreSQL the words of an organization's events.
"""

from tortoise import migrations

from models.statements import Statements

UNSUCCESSFUL = """
    CREATE INDEX audit_events_unsuccessful ON audit_events (organization_id, outcome, id)
    WHERE outcome <> 'success'
"""
WORDS = """
    CREATE INDEX audit_events_words ON audit_events USING gin (
        array_to_tsvector(string_to_array(substr(replace(words, ' ',
            ' ' || right(organization_id::text, 12) || ':'), 2), ' '))
    ) WITH (gin_pending_list_limit = 512)
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0002_audit_is_append_only")]

    operations = [Statements(sqlite=[UNSUCCESSFUL], postgres=[UNSUCCESSFUL, WORDS])]
