"""Our tables brought to the schema of this version, by Alembic and the files in `migrations`."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.errors import NewerDatabase

BEFORE_MIGRATIONS = "0001"
"""What the tables of version 0.1 amount to, which made them without saying so."""


def migrate(connection: sa.Connection) -> None:
    """In the caller's transaction, which must keep out others that do the same.

    Raises NewerDatabase.
    """
    config = alembic_config(connection)
    names = sa.inspect(connection).get_table_names()
    if "tasks" in names and "alembic_version" not in names:
        command.stamp(config, BEFORE_MIGRATIONS)
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    if current is not None and current not in {one.revision for one in scripts.walk_revisions()}:
        raise NewerDatabase(current)
    command.upgrade(config, "head")


def alembic_config(connection: sa.Connection) -> Config:
    """For Alembic's commands, on the connection and in its transaction."""
    config = Config()
    config.set_main_option("script_location", "service:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
