"""What the audit log holds is added, and neither changed nor deleted, whoever has the connection.

Events go when retention says so, and no earlier: see `models.audit_retention`. With the event goes
its seal. Whatever is added to the log is queued to be sealed, in the same transaction.

On SQLite, INSERT OR REPLACE deletes without a delete trigger: an insert trigger refuses what stands
there already. On PostgreSQL the functions name the schema, so that no table of the same name in
another one, such as a temporary one, stands in for ours.
"""

from tortoise import migrations

from models.statements import Statements

APPEND_ONLY = ("audit_checkpoints", "audit_retentions")


def sqlite_refuses(table: str, operation: str, when: str = "") -> str:
    name, _, condition = operation.partition(" ")
    suffix = {"UPDATE": "no_update", "DELETE": "no_delete", "INSERT": "no_replace"}[name]
    return (
        f"CREATE TRIGGER {table}_{suffix} BEFORE {name} {condition} ON {table} {when}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only: {name} is refused'); END"
    )


def sqlite_no_replace(table: str, same: str = "id = NEW.id") -> str:
    standing = f"EXISTS (SELECT 1 FROM {table} WHERE {same} OR rowid = NEW.rowid)"  # noqa: S608
    return sqlite_refuses(table, "INSERT", f"WHEN {standing}")


def postgres_refuses(table: str, operations: str) -> str:
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE {operations} ON {table} FOR EACH ROW"
        " EXECUTE FUNCTION refuse_audit_change()"
    )


def postgres_no_truncate(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_audit_change()"
    )


SQLITE_EXPIRED = """
    EXISTS (SELECT 1 FROM audit_seals WHERE id = OLD.id)
    AND julianday(OLD.created_at) < (
        SELECT julianday('now') - MAX(30, MAX(r.days)) FROM audit_retentions r
        WHERE r.organization_id = OLD.organization_id AND julianday(r.created_at) >= (
            SELECT MAX(julianday(p.created_at)) FROM audit_retentions p
            WHERE p.organization_id = OLD.organization_id
              AND julianday(p.created_at) <= julianday('now') - 30
        )
        GROUP BY r.organization_id HAVING MAX(r.held) = 0
    )
"""

SQLITE = [
    sqlite_refuses("audit_events", "UPDATE"),
    sqlite_refuses("audit_events", "DELETE", f"WHEN COALESCE({SQLITE_EXPIRED}, 0) = 0"),
    sqlite_no_replace("audit_events"),
    """
    CREATE TRIGGER audit_events_queue AFTER INSERT ON audit_events BEGIN
        INSERT INTO audit_unsealed (id, organization_id) VALUES (NEW.id, NEW.organization_id);
    END
    """,
    sqlite_refuses("audit_unsealed", "UPDATE"),
    sqlite_refuses(
        "audit_unsealed",
        "DELETE",
        "WHEN NOT EXISTS (SELECT 1 FROM audit_seals WHERE id = OLD.id)",
    ),
    sqlite_no_replace("audit_unsealed"),
    sqlite_refuses("audit_seals", "UPDATE"),
    sqlite_refuses(
        "audit_seals", "DELETE", "WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = OLD.id)"
    ),
    sqlite_no_replace(
        "audit_seals",
        "id = NEW.id OR (organization_id = NEW.organization_id AND sequence = NEW.sequence)",
    ),
    *(sqlite_refuses(table, each) for table in APPEND_ONLY for each in ("UPDATE", "DELETE")),
    *(sqlite_no_replace(table) for table in APPEND_ONLY),
    """
    CREATE TRIGGER audit_retentions_now BEFORE INSERT ON audit_retentions
    WHEN COALESCE(julianday(NEW.created_at) >= julianday('now', '-1 hour'), 0) = 0
    BEGIN SELECT RAISE(ABORT, 'audit_retentions is append-only: an earlier time is refused'); END
    """,
    sqlite_refuses("audit_keys", "UPDATE OF id, created_at, number, key_id, public_key"),
    sqlite_refuses("audit_keys", "DELETE"),
    sqlite_no_replace("audit_keys", "id = NEW.id OR number = NEW.number OR key_id = NEW.key_id"),
]

POSTGRES = [
    """
    CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE FUNCTION refuse_unexpired_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM audit_seals WHERE id = OLD.id) AND OLD.created_at < (
            SELECT now() - make_interval(days => GREATEST(30, max(r.days)))
            FROM audit_retentions r
            WHERE r.organization_id = OLD.organization_id AND r.created_at >= (
                SELECT max(p.created_at) FROM audit_retentions p
                WHERE p.organization_id = OLD.organization_id
                  AND p.created_at <= now() - interval '30 days'
            )
            HAVING NOT bool_or(r.held)
        ) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit_events is append-only: DELETE is refused'
            USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE FUNCTION refuse_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM audit_seals WHERE id = OLD.id) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit_unsealed is append-only: DELETE is refused'
            USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE FUNCTION refuse_seal_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM audit_events WHERE id = OLD.id) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit_seals is append-only: DELETE is refused'
            USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE FUNCTION refuse_earlier_audit_retention() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.created_at >= now() - interval '1 hour' THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit_retentions is append-only: an earlier time is refused'
            USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE FUNCTION queue_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO audit_unsealed (id, organization_id) SELECT id, organization_id FROM added;
        RETURN NULL;
    END
    $$
    """,
    """
    DO $$
    DECLARE
        name text;
    BEGIN
        FOREACH name IN ARRAY ARRAY[
            'refuse_unexpired_audit_event', 'refuse_unsealed', 'refuse_seal_of_event',
            'refuse_earlier_audit_retention', 'queue_audit_events'
        ] LOOP
            EXECUTE format(
                'ALTER FUNCTION %I() SET search_path = pg_catalog, %I, pg_temp',
                name, current_schema()
            );
        END LOOP;
    END
    $$
    """,
    """
    CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()
    """,
    """
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_unexpired_audit_event()
    """,
    """
    CREATE TRIGGER audit_events_queue AFTER INSERT ON audit_events REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION queue_audit_events()
    """,
    postgres_refuses("audit_unsealed", "UPDATE"),
    """
    CREATE TRIGGER audit_unsealed_no_delete BEFORE DELETE ON audit_unsealed
    FOR EACH ROW EXECUTE FUNCTION refuse_unsealed()
    """,
    postgres_refuses("audit_seals", "UPDATE"),
    """
    CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION refuse_seal_of_event()
    """,
    *(postgres_refuses(table, "UPDATE OR DELETE") for table in APPEND_ONLY),
    """
    CREATE TRIGGER audit_retentions_now BEFORE INSERT ON audit_retentions
    FOR EACH ROW EXECUTE FUNCTION refuse_earlier_audit_retention()
    """,
    postgres_refuses(
        "audit_keys", "DELETE OR UPDATE OF id, created_at, number, key_id, public_key"
    ),
    *(
        postgres_no_truncate(table)
        for table in ("audit_events", "audit_unsealed", "audit_seals", "audit_keys", *APPEND_ONLY)
    ),
]


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [Statements(sqlite=SQLITE, postgres=POSTGRES)]
