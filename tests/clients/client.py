"""What the Python scripts share: where the server is, and a fresh database each.

ATOLL_HOST, ATOLL_PORT, ATOLL_USER and ATOLL_PASSWORD say where; 127.0.0.1:5432 as postgres without them.
"""
import os
import subprocess

HOST = os.environ.get("ATOLL_HOST", "127.0.0.1")
PORT = os.environ.get("ATOLL_PORT", "5432")
USER = os.environ.get("ATOLL_USER", "postgres")
PASSWORD = os.environ.get("ATOLL_PASSWORD", "")


def fresh_database(name):
    """Makes an empty database; psql does it, so that no driver under test is needed for it."""
    for sql in (f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"'):
        command = ["psql", "-X", "-q", "-h", HOST, "-p", PORT, "-U", USER, "-v", "ON_ERROR_STOP=1", "-c", sql, "postgres"]
        subprocess.run(command, check=True, env={**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": "-c client_min_messages=warning"})
    return name


def dsn(database):
    return f"host={HOST} port={PORT} user={USER} dbname={database}" + (f" password={PASSWORD}" if PASSWORD else "")


def url(driver, database):
    return f"{driver}://{USER}{':' + PASSWORD if PASSWORD else ''}@{HOST}:{PORT}/{database}"


def same(actual, expected, what=""):
    if actual != expected:
        raise SystemExit(f"{what}: expected {expected!r}, got {actual!r}")
