"""What Alembic runs first: the migrations on the caller's connection, in its transaction."""

from alembic import context

from service.storage import Table


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Other tables in the database are those of the jobs, which their engine migrates itself."""
    return kind != "table" or name in Table.metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    include_name=is_ours,
)
context.run_migrations()
