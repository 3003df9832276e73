"""Run by alembic: uses the connection that `stasis_app.store.schema` hands over."""

from alembic import context

from stasis_app.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
