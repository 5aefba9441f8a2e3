"""A month is attached when it is full: its key and indexes are built once, from all its rows."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.execute("DROP FUNCTION mart.add_month(text, date)")
    for name, body in (("begin_month", BEGIN_MONTH), ("attach_month", ATTACH_MONTH)):
        op.execute(body)
        op.execute(f"REVOKE ALL ON FUNCTION mart.{name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION mart.{name} TO publisher")
    # Whose posts a mart is of is said once.
    op.execute("REVOKE DELETE ON mart.origin FROM publisher")


# The publisher owns no table, and so can add none to one: both run as the owner.
#
# What stands is asked of the catalog by a query: to_regclass answers from what the session knew
# before it waited for the lock, and a second publish of one month would make it again.
BEGIN_MONTH = """
CREATE FUNCTION mart.begin_month(parent text, day date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    whole regclass := to_regclass(format('mart.%I', parent));
    child text := parent || to_char(day, '_YYYY_MM');
    standing oid;
    attached boolean;
    filled boolean;
BEGIN
    PERFORM FROM pg_partitioned_table WHERE partrelid = whole;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'mart.% has no months', parent USING ERRCODE = 'undefined_table';
    END IF;
    FOR look IN 1..2 LOOP
        SELECT
            c.oid, EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid AND inhparent = whole)
        INTO standing, attached
        FROM pg_class c WHERE c.relname = child AND c.relnamespace = 'mart'::regnamespace;
        IF attached THEN
            RETURN NULL;
        END IF;
        IF look = 1 THEN
            -- Whoever else begins it is waited for, and has attached it then.
            PERFORM pg_advisory_xact_lock(hashtext('mart.' || child));
        END IF;
    END LOOP;
    IF standing IS NOT NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM mart.%I)', child) INTO filled;
        IF filled THEN
            RAISE EXCEPTION 'mart.% holds rows and is no month of mart.%', child, parent
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        -- Begun and never attached.
        EXECUTE format('DROP TABLE mart.%I', child);
    END IF;
    EXECUTE format(
        'CREATE TABLE mart.%I (LIKE mart.%I INCLUDING ALL EXCLUDING INDEXES)', child, parent
    );
    RETURN child;
END $$;
COMMENT ON FUNCTION mart.begin_month IS
    'Makes the table of a day''s month, without key or index, and tells its name: fill it, then '
    'call attach_month. Null where the month is there.';
"""

# To attach waits for no reader, as CREATE TABLE … PARTITION OF would. It makes every index that the
# table has, and looks whether each row is of the month.
ATTACH_MONTH = """
CREATE FUNCTION mart.attach_month(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
BEGIN
    EXECUTE format(
        'ALTER TABLE mart.%I ATTACH PARTITION mart.%I FOR VALUES FROM (%L) TO (%L)',
        parent, parent || to_char(first, '_YYYY_MM'), first, (first + interval '1 month')::date
    );
END $$;
COMMENT ON FUNCTION mart.attach_month IS
    'Adds what begin_month made to its table, with key and indexes.';
"""
