"""The history of the tables, run by alembic at start (`stasis_app.store.schema`)."""
