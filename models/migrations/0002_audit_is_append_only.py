"""Audit events can be added, and neither changed nor deleted, whoever holds the connection."""

from tortoise import migrations

from models.statements import Statements


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        Statements(
            sqlite=[
                """
                CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
                BEGIN SELECT RAISE(ABORT, 'audit_events is append-only: UPDATE is refused'); END
                """,
                """
                CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
                BEGIN SELECT RAISE(ABORT, 'audit_events is append-only: DELETE is refused'); END
                """,
            ],
            postgres=[
                """
                CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION 'audit_events is append-only: % is refused', TG_OP
                        USING ERRCODE = 'restrict_violation';
                END
                $$
                """,
                """
                CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
                FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()
                """,
            ],
        ),
    ]
