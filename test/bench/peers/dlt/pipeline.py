"""dlt's REST API source for the audit log, as its documentation sets up a cursor paginator and an incremental field."""

import os

import dlt
from dlt.sources.rest_api import rest_api_source

is_postgres = os.environ["OUTPUT"] == "postgres"

source = rest_api_source(
    {
        "client": {
            "base_url": os.environ["API_URL"],
            "auth": {"type": "bearer", "token": os.environ["API_KEY"]},
            "paginator": {
                "type": "cursor",
                "cursor_path": "next_starting_from",
                "cursor_param": "starting_from",
                # The API always gives a next position; without this the paginator never ends.
                "stop_after_empty_page": True,
            },
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge" if is_postgres else "append",
            "max_table_nesting": 0,
        },
        "resources": [
            {
                "name": "audit_logs",
                "endpoint": {
                    "path": "/api/v1/auditlogevents",
                    "data_selector": "entries",
                    "params": {
                        "sort_order": "ASC",
                        "limit": 1000,
                        "starting_from": "{incremental.start_value}",
                    },
                    "incremental": {"cursor_path": "created_at", "initial_value": "1970-01-01T00:00:00Z"},
                },
            }
        ],
    },
    name="cockroach_cloud",
)

destination = (
    dlt.destinations.postgres(os.environ["DATABASE_URL"])
    if is_postgres
    else dlt.destinations.filesystem(bucket_url="file://" + os.environ["OUTPUT_DIRECTORY"])
)
pipeline = dlt.pipeline(
    "audit",
    destination=destination,
    dataset_name="audit",
    pipelines_dir=os.environ["STATE_DIRECTORY"],
)
pipeline.run(source, **({} if is_postgres else {"loader_file_format": "jsonl"}))
