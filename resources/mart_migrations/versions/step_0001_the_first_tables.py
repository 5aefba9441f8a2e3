"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table('daily_summary',
    sa.Column('date', sa.Date(), nullable=False, comment='Creation date of the posts, UTC.'),
    sa.Column('platform', sa.Text(), nullable=False, comment='Platform the posts were made on.'),
    sa.Column('posts', sa.BigInteger(), nullable=True, comment='Posts in the cell; null where suppressed.'),
    sa.Column('authors', sa.BigInteger(), nullable=True, comment='Distinct authors; null where suppressed.'),
    sa.Column('scored', sa.BigInteger(), nullable=True, comment='Posts with a score.'),
    sa.Column('unscored_no_text', sa.BigInteger(), nullable=True, comment='Posts without text.'),
    sa.Column('unscored_language_unknown', sa.BigInteger(), nullable=True, comment='Posts whose language is not clear.'),
    sa.Column('unscored_language_not_supported', sa.BigInteger(), nullable=True, comment="Posts in a language the scorer doesn't know."),
    sa.Column('redacted', sa.BigInteger(), nullable=True, comment='Posts in which an identifier was masked.'),
    sa.Column('late', sa.BigInteger(), nullable=True, comment='Posts seen only after their window had been fetched whole.'),
    sa.Column('positive', sa.BigInteger(), nullable=True, comment='Posts labelled positive.'),
    sa.Column('neutral', sa.BigInteger(), nullable=True, comment='Posts labelled neutral.'),
    sa.Column('negative', sa.BigInteger(), nullable=True, comment='Posts labelled negative.'),
    sa.Column('sentiment_sum', sa.BigInteger(), nullable=True, comment='Sum of compound x 10,000: exact in any order, so cells can be added up.'),
    sa.Column('sentiment_square_sum', sa.BigInteger(), nullable=True, comment='Sum of the squares of compound x 10,000.'),
    sa.Column('sentiment_mean', sa.Double(), nullable=True, comment='Mean compound of scored posts, -1 to 1.'),
    sa.Column('sentiment_standard_error', sa.Double(), nullable=True, comment='Standard error of the mean; null below two scored posts.'),
    sa.Column('engagement_weight', sa.BigInteger(), nullable=True, comment='Sum over scored posts of 1 + likes + replies + reposts.'),
    sa.Column('engagement_sentiment_sum', sa.BigInteger(), nullable=True, comment="Sum of compound x 10,000 times the post's engagement weight."),
    sa.Column('engagement_sentiment_mean', sa.Double(), nullable=True, comment='Mean compound weighted by engagement.'),
    sa.Column('fetched_share', sa.Double(), nullable=True, comment='Share of the day that was fetched, 0 to 1.'),
    sa.Column('suppressed', sa.Boolean(), nullable=False, comment='Too few authors, of the posts or of the scored ones, to publish (or needed to hide such a cell): measures are null.'),
    sa.Column('min_authors', sa.Integer(), nullable=True, comment='Fewest authors that a shown cell needed when the row was made; null in rows from before the column.'),
    sa.Column('observations', sa.BigInteger(), nullable=True, comment="Bronze records behind the day's posts and quarantine."),
    sa.Column('duplicates', sa.BigInteger(), nullable=True, comment='Bronze records that repeat a post already counted.'),
    sa.Column('quarantined', sa.BigInteger(), nullable=True, comment='Bronze records refused.'),
    sa.Column('windows_complete', sa.Integer(), nullable=False, comment='2-hour windows fetched whole, of 12.'),
    sa.Column('windows_partial', sa.Integer(), nullable=False, comment='Windows fetched in part.'),
    sa.Column('windows_unavailable', sa.Integer(), nullable=False, comment="Windows beyond the API's reach when first asked for."),
    sa.Column('best_hour', sa.DateTime(timezone=True), nullable=True, comment='Hour with the highest mean among published hours.'),
    sa.Column('best_hour_mean', sa.Double(), nullable=True, comment='Mean compound of that hour.'),
    sa.Column('worst_hour', sa.DateTime(timezone=True), nullable=True, comment='Hour with the lowest mean among published hours.'),
    sa.Column('worst_hour_mean', sa.Double(), nullable=True, comment='Mean compound of that hour.'),
    sa.Column('busiest_hour', sa.DateTime(timezone=True), nullable=True, comment='Hour with the most posts among published hours.'),
    sa.Column('busiest_hour_posts', sa.BigInteger(), nullable=True, comment='Posts in that hour.'),
    sa.Column('hidden_hours', sa.Integer(), nullable=False, comment='Hours with posts whose figures are suppressed.'),
    sa.Column('recipes', postgresql.ARRAY(sa.Text()), nullable=False, comment='Recipe fingerprints of the silver rows behind this row.'),
    sa.Column('scorers', postgresql.ARRAY(sa.Text()), nullable=True, comment='Scorers of the silver rows behind this row, name and version; null in rows older than the column.'),
    sa.PrimaryKeyConstraint('platform', 'date', name='daily_summary_pkey'),
    schema='mart',
    comment='One row a day and platform: sentiment, volume, coverage, extremes, data quality. Grain: one day of one platform.',
    postgresql_partition_by='RANGE (date)'
    )
    op.create_table('daily_trend',
    sa.Column('date', sa.Date(), nullable=False, comment='Creation date of the posts, UTC.'),
    sa.Column('platform', sa.Text(), nullable=False, comment='Platform the posts were made on.'),
    sa.Column('topic', sa.Text(), nullable=False, comment='Tracked topic; all for every post of the day.'),
    sa.Column('posts', sa.BigInteger(), nullable=True, comment='Posts of the day; null where suppressed.'),
    sa.Column('scored', sa.BigInteger(), nullable=True, comment='Scored posts of the day.'),
    sa.Column('sentiment_mean', sa.Double(), nullable=True, comment='Mean compound of the day.'),
    sa.Column('trailing_days', sa.Integer(), nullable=False, comment='Days of the seven before with published figures.'),
    sa.Column('trailing_scored', sa.BigInteger(), nullable=True, comment='Scored posts of those days.'),
    sa.Column('trailing_mean', sa.Double(), nullable=True, comment="Mean compound over those days' scored posts."),
    sa.Column('change', sa.Double(), nullable=True, comment="The day's mean less the trailing mean."),
    sa.Column('change_z', sa.Double(), nullable=True, comment='The change over its standard error (Welch): beyond 2 is unlikely to be chance.'),
    sa.Column('volume_ratio', sa.Double(), nullable=True, comment="The day's posts over the mean posts of those trailing days of which more than half was fetched."),
    sa.Column('fetched_share', sa.Double(), nullable=True, comment='Share of the day that was fetched, 0 to 1.'),
    sa.Column('suppressed', sa.Boolean(), nullable=False, comment="The day's figures are suppressed."),
    sa.Column('scorers', postgresql.ARRAY(sa.Text()), nullable=True, comment='Scorers of the day and of the seven before it, name and version: with more than one, the change may be theirs.'),
    sa.PrimaryKeyConstraint('platform', 'date', 'topic', name='daily_trend_pkey'),
    schema='mart',
    comment='Each day and tracked topic against the seven days before it. Grain: one topic (or all posts) of one day and platform.',
    postgresql_partition_by='RANGE (date)'
    )
    op.create_index('daily_trend_topic_date', 'daily_trend', ['topic', 'date'], unique=False, schema='mart')
    op.create_table('hourly_sentiment',
    sa.Column('date', sa.Date(), nullable=False, comment='Creation date of the posts, UTC.'),
    sa.Column('platform', sa.Text(), nullable=False, comment='Platform the posts were made on.'),
    sa.Column('hour', sa.DateTime(timezone=True), nullable=False, comment='Start of the hour of creation.'),
    sa.Column('posts', sa.BigInteger(), nullable=True, comment='Posts in the cell; null where suppressed.'),
    sa.Column('authors', sa.BigInteger(), nullable=True, comment='Distinct authors; null where suppressed.'),
    sa.Column('scored', sa.BigInteger(), nullable=True, comment='Posts with a score.'),
    sa.Column('unscored_no_text', sa.BigInteger(), nullable=True, comment='Posts without text.'),
    sa.Column('unscored_language_unknown', sa.BigInteger(), nullable=True, comment='Posts whose language is not clear.'),
    sa.Column('unscored_language_not_supported', sa.BigInteger(), nullable=True, comment="Posts in a language the scorer doesn't know."),
    sa.Column('redacted', sa.BigInteger(), nullable=True, comment='Posts in which an identifier was masked.'),
    sa.Column('late', sa.BigInteger(), nullable=True, comment='Posts seen only after their window had been fetched whole.'),
    sa.Column('positive', sa.BigInteger(), nullable=True, comment='Posts labelled positive.'),
    sa.Column('neutral', sa.BigInteger(), nullable=True, comment='Posts labelled neutral.'),
    sa.Column('negative', sa.BigInteger(), nullable=True, comment='Posts labelled negative.'),
    sa.Column('sentiment_sum', sa.BigInteger(), nullable=True, comment='Sum of compound x 10,000: exact in any order, so cells can be added up.'),
    sa.Column('sentiment_square_sum', sa.BigInteger(), nullable=True, comment='Sum of the squares of compound x 10,000.'),
    sa.Column('sentiment_mean', sa.Double(), nullable=True, comment='Mean compound of scored posts, -1 to 1.'),
    sa.Column('sentiment_standard_error', sa.Double(), nullable=True, comment='Standard error of the mean; null below two scored posts.'),
    sa.Column('engagement_weight', sa.BigInteger(), nullable=True, comment='Sum over scored posts of 1 + likes + replies + reposts.'),
    sa.Column('engagement_sentiment_sum', sa.BigInteger(), nullable=True, comment="Sum of compound x 10,000 times the post's engagement weight."),
    sa.Column('engagement_sentiment_mean', sa.Double(), nullable=True, comment='Mean compound weighted by engagement.'),
    sa.Column('fetched_share', sa.Double(), nullable=True, comment='Share of the hour that was fetched, 0 to 1.'),
    sa.Column('suppressed', sa.Boolean(), nullable=False, comment='Too few authors, of the posts or of the scored ones, to publish (or needed to hide such a cell): measures are null.'),
    sa.Column('min_authors', sa.Integer(), nullable=True, comment='Fewest authors that a shown cell needed when the row was made; null in rows from before the column.'),
    sa.PrimaryKeyConstraint('platform', 'date', 'hour', name='hourly_sentiment_pkey'),
    schema='mart',
    comment='Sentiment by hour and platform, with the coverage that each figure rests on. Grain: one hour of one platform.',
    postgresql_partition_by='RANGE (date)'
    )
    op.create_table('origin',
    sa.Column('singleton', sa.Boolean(), nullable=False, comment='Always true: there is one row.'),
    sa.Column('origin', sa.Text(), nullable=False, comment='simulated or live.'),
    sa.CheckConstraint('singleton', name='origin_singleton_check'),
    sa.PrimaryKeyConstraint('singleton', name='origin_pkey'),
    schema='mart',
    comment='Whose posts the figures are of: made-up and real ones never share a mart.'
    )
    op.create_table('pooled_sentiment',
    sa.Column('date', sa.Date(), nullable=False, comment='The Sunday that closes the period, UTC.'),
    sa.Column('platform', sa.Text(), nullable=False, comment='Platform the posts were made on.'),
    sa.Column('grain', sa.Text(), nullable=False, comment='week (Monday to Sunday) or month.'),
    sa.Column('period_start', sa.Date(), nullable=False, comment='First day of the week or month.'),
    sa.Column('period_end', sa.Date(), nullable=False, comment='Its last day.'),
    sa.Column('topic', sa.Text(), nullable=False, comment='Tracked topic; all for every post of the days.'),
    sa.Column('days', postgresql.ARRAY(sa.Date()), nullable=False, comment='The hidden days whose posts are counted here, and in no other shown row of the topic.'),
    sa.Column('posts', sa.BigInteger(), nullable=True, comment='Posts in the cell; null where suppressed.'),
    sa.Column('authors', sa.BigInteger(), nullable=True, comment='Distinct authors; null where suppressed.'),
    sa.Column('scored', sa.BigInteger(), nullable=True, comment='Posts with a score.'),
    sa.Column('unscored_no_text', sa.BigInteger(), nullable=True, comment='Posts without text.'),
    sa.Column('unscored_language_unknown', sa.BigInteger(), nullable=True, comment='Posts whose language is not clear.'),
    sa.Column('unscored_language_not_supported', sa.BigInteger(), nullable=True, comment="Posts in a language the scorer doesn't know."),
    sa.Column('redacted', sa.BigInteger(), nullable=True, comment='Posts in which an identifier was masked.'),
    sa.Column('late', sa.BigInteger(), nullable=True, comment='Posts seen only after their window had been fetched whole.'),
    sa.Column('positive', sa.BigInteger(), nullable=True, comment='Posts labelled positive.'),
    sa.Column('neutral', sa.BigInteger(), nullable=True, comment='Posts labelled neutral.'),
    sa.Column('negative', sa.BigInteger(), nullable=True, comment='Posts labelled negative.'),
    sa.Column('sentiment_sum', sa.BigInteger(), nullable=True, comment='Sum of compound x 10,000: exact in any order, so cells can be added up.'),
    sa.Column('sentiment_square_sum', sa.BigInteger(), nullable=True, comment='Sum of the squares of compound x 10,000.'),
    sa.Column('sentiment_mean', sa.Double(), nullable=True, comment='Mean compound of scored posts, -1 to 1.'),
    sa.Column('sentiment_standard_error', sa.Double(), nullable=True, comment='Standard error of the mean; null below two scored posts.'),
    sa.Column('engagement_weight', sa.BigInteger(), nullable=True, comment='Sum over scored posts of 1 + likes + replies + reposts.'),
    sa.Column('engagement_sentiment_sum', sa.BigInteger(), nullable=True, comment="Sum of compound x 10,000 times the post's engagement weight."),
    sa.Column('engagement_sentiment_mean', sa.Double(), nullable=True, comment='Mean compound weighted by engagement.'),
    sa.Column('fetched_share', sa.Double(), nullable=True, comment='Share of the days together that was fetched, 0 to 1.'),
    sa.Column('suppressed', sa.Boolean(), nullable=False, comment='Too few authors, of the posts or of the scored ones, to publish (or needed to hide such a cell): measures are null.'),
    sa.Column('min_authors', sa.Integer(), nullable=True, comment='Fewest authors that a shown cell needed when the row was made; null in rows from before the column.'),
    sa.PrimaryKeyConstraint('platform', 'date', 'grain', 'topic', name='pooled_sentiment_pkey'),
    schema='mart',
    comment="Hidden days of a calendar week together, and where that is still too few, of a month: each hidden day of all posts or of a tracked topic is in one shown pool at most. Written by the Sunday that closes the week, or the month's last week. Grain: one week or month of one topic (or all posts) and platform, where days are hidden.",
    postgresql_partition_by='RANGE (date)'
    )
    op.create_index('pooled_sentiment_topic_date', 'pooled_sentiment', ['topic', 'date'], unique=False, schema='mart')
    op.create_table('publication',
    sa.Column('table_name', sa.Text(), nullable=False, comment='Table of this schema.'),
    sa.Column('date', sa.Date(), nullable=False, comment="Partition's date; of a table without dates 0001-01-01."),
    sa.Column('platform', sa.Text(), nullable=False, comment="Partition's platform; of a table without dates all."),
    sa.Column('row_count', sa.BigInteger(), nullable=False, comment='Rows that were published.'),
    sa.Column('gold_version', sa.BigInteger(), nullable=False, comment="Version of the lake's table that the rows were read at."),
    sa.Column('gold_table', sa.Text(), nullable=False, comment="Id of the lake's table: versions of another one can't be compared."),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False, comment="When, by the database's clock."),
    sa.Column('run_id', sa.Text(), nullable=False, comment='Dagster run that published it.'),
    sa.PrimaryKeyConstraint('table_name', 'date', 'platform', name='publication_pkey'),
    schema='mart',
    comment='One row a published partition, replaced with its rows in one transaction.'
    )
    op.create_table('topic_sentiment',
    sa.Column('date', sa.Date(), nullable=False, comment='Creation date of the posts, UTC.'),
    sa.Column('platform', sa.Text(), nullable=False, comment='Platform the posts were made on.'),
    sa.Column('topic_kind', sa.Text(), nullable=False, comment='tracked or hashtag.'),
    sa.Column('topic', sa.Text(), nullable=False, comment='Name of the tracked topic, or the hashtag without #.'),
    sa.Column('posts', sa.BigInteger(), nullable=True, comment='Posts in the cell; null where suppressed.'),
    sa.Column('authors', sa.BigInteger(), nullable=True, comment='Distinct authors; null where suppressed.'),
    sa.Column('scored', sa.BigInteger(), nullable=True, comment='Posts with a score.'),
    sa.Column('unscored_no_text', sa.BigInteger(), nullable=True, comment='Posts without text.'),
    sa.Column('unscored_language_unknown', sa.BigInteger(), nullable=True, comment='Posts whose language is not clear.'),
    sa.Column('unscored_language_not_supported', sa.BigInteger(), nullable=True, comment="Posts in a language the scorer doesn't know."),
    sa.Column('redacted', sa.BigInteger(), nullable=True, comment='Posts in which an identifier was masked.'),
    sa.Column('late', sa.BigInteger(), nullable=True, comment='Posts seen only after their window had been fetched whole.'),
    sa.Column('positive', sa.BigInteger(), nullable=True, comment='Posts labelled positive.'),
    sa.Column('neutral', sa.BigInteger(), nullable=True, comment='Posts labelled neutral.'),
    sa.Column('negative', sa.BigInteger(), nullable=True, comment='Posts labelled negative.'),
    sa.Column('sentiment_sum', sa.BigInteger(), nullable=True, comment='Sum of compound x 10,000: exact in any order, so cells can be added up.'),
    sa.Column('sentiment_square_sum', sa.BigInteger(), nullable=True, comment='Sum of the squares of compound x 10,000.'),
    sa.Column('sentiment_mean', sa.Double(), nullable=True, comment='Mean compound of scored posts, -1 to 1.'),
    sa.Column('sentiment_standard_error', sa.Double(), nullable=True, comment='Standard error of the mean; null below two scored posts.'),
    sa.Column('engagement_weight', sa.BigInteger(), nullable=True, comment='Sum over scored posts of 1 + likes + replies + reposts.'),
    sa.Column('engagement_sentiment_sum', sa.BigInteger(), nullable=True, comment="Sum of compound x 10,000 times the post's engagement weight."),
    sa.Column('engagement_sentiment_mean', sa.Double(), nullable=True, comment='Mean compound weighted by engagement.'),
    sa.Column('fetched_share', sa.Double(), nullable=True, comment='Share of the day that was fetched, 0 to 1.'),
    sa.Column('suppressed', sa.Boolean(), nullable=False, comment='Too few authors, of the posts or of the scored ones, to publish (or needed to hide such a cell): measures are null.'),
    sa.Column('min_authors', sa.Integer(), nullable=True, comment='Fewest authors that a shown cell needed when the row was made; null in rows from before the column.'),
    sa.PrimaryKeyConstraint('platform', 'date', 'topic_kind', 'topic', name='topic_sentiment_pkey'),
    schema='mart',
    comment='Sentiment by day, topic and platform: tracked topics and hashtags. A post with two topics counts in both. Grain: one topic of one day and platform.',
    postgresql_partition_by='RANGE (date)'
    )
    op.create_index('topic_sentiment_topic_date', 'topic_sentiment', ['topic', 'date'], unique=False, schema='mart')
    op.execute(ADD_MONTH)
    op.execute("REVOKE ALL ON FUNCTION mart.add_month FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION mart.add_month TO publisher")
    # A publish changes the line of a partition that was published before.
    op.execute("GRANT UPDATE ON mart.publication TO publisher")
    op.execute("REVOKE INSERT, DELETE ON mart.schema_version FROM publisher")


# The publisher owns no table, and so can add none to one: this runs as the owner. To attach waits
# for no reader, as CREATE TABLE … PARTITION OF would.
ADD_MONTH = """
CREATE FUNCTION mart.add_month(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    child text := parent || to_char(first, '_YYYY_MM');
BEGIN
    IF to_regclass(format('mart.%I', child)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM FROM pg_partitioned_table
    WHERE partrelid = to_regclass(format('mart.%I', parent));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'mart.% has no months', parent USING ERRCODE = 'undefined_table';
    END IF;
    -- Whoever else adds it is waited for, and has added it then.
    PERFORM pg_advisory_xact_lock(hashtext('mart.' || child));
    IF to_regclass(format('mart.%I', child)) IS NULL THEN
        EXECUTE format('CREATE TABLE mart.%I (LIKE mart.%I INCLUDING ALL)', child, parent);
        EXECUTE format(
            'ALTER TABLE mart.%I ATTACH PARTITION mart.%I FOR VALUES FROM (%L) TO (%L)',
            parent, child, first, (first + interval '1 month')::date
        );
    END IF;
END $$;
COMMENT ON FUNCTION mart.add_month IS
    'Adds the month of a day to a table of the mart; does nothing where it is there.';
"""
