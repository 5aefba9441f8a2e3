"""What brings posts to Kafka as they are made: streams, webhooks, short polls; in Lambda too.

What belongs here: plain classes over the platforms' clients and librdkafka, so that a long-lived
process and a Lambda function ship the same code. A platform's own way of pushing stands in the
module of its name. No module here knows Dagster, the lake or the settings of a whole installation.
"""
