"""Runs the SQL statements of stdin, a JSON array, in one session and prints the rows of each as JSON."""

import json
import sys

import duckdb

duckdb.execute("SET TimeZone = 'UTC'")
results = []
for statement in json.load(sys.stdin):
    cursor = duckdb.execute(statement)
    results.append([[str(value) for value in row] for row in cursor.fetchall()])
json.dump({"version": duckdb.__version__, "results": results}, sys.stdout)
