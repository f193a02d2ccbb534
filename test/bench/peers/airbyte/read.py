"""Runs the manifest as a source; its messages go to stdout, one JSON line each. The last state is what a platform keeps."""

import json
import os
import sys

import yaml
from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

home = os.environ["STATE_DIRECTORY"]
config = {
    "base_url": os.environ["API_URL"],
    "api_key": os.environ["API_KEY"],
    "start_date": "1970-01-01T00:00:00Z",
}
catalog = {
    "streams": [
        {
            "stream": {
                "name": "audit_logs",
                "json_schema": {},
                "supported_sync_modes": ["full_refresh", "incremental"],
                "source_defined_cursor": True,
                "default_cursor_field": ["created_at"],
            },
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
        }
    ]
}
words = ["read"]
for name, value in (("config", config), ("catalog", catalog)):
    file = os.path.join(home, f"{name}.json")
    with open(file, "w") as handle:
        json.dump(value, handle)
    words += [f"--{name}", file]
state_file = os.path.join(home, "state.json")
state = None
if os.path.exists(state_file):
    words += ["--state", state_file]
    with open(state_file) as handle:
        state = [AirbyteStateMessageSerializer.load(message) for message in json.load(handle)]

with open(os.path.join(os.path.dirname(__file__), "manifest.yaml")) as handle:
    manifest = yaml.safe_load(handle)
source = ConcurrentDeclarativeSource(
    catalog=ConfiguredAirbyteCatalogSerializer.load(catalog),
    config=config,
    state=state,
    source_config=manifest,
)
launch(source, words)
sys.stdout.flush()
