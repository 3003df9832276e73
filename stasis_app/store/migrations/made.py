"""How migrations make tables."""

from typing import Any

TABLE: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
"""MariaDB keeps every letter there is and tells keys apart byte for byte, as SQLite does, whatever the database's own
defaults are. It commits each table by itself, so a migration that was broken off meets its own beginnings again."""
