"""A connector of HashiCorp's Grove for the audit log, written as its documentation and its own connectors do."""

import requests
from grove.connectors import BaseConnector
from grove.constants import CHRONOLOGICAL
from grove.exceptions import NotFoundException, RequestFailedException


class Connector(BaseConnector):
    CONNECTOR = "cockroach_cloud_audit"
    POINTER_PATH = "created_at"
    LOG_ORDER = CHRONOLOGICAL

    def collect(self):
        try:
            position = self.pointer
        except NotFoundException:
            position = "1970-01-01T00:00:00Z"
            self.pointer = position
        session = requests.Session()
        while True:
            response = session.get(
                f"{self.configuration.api_url}/api/v1/auditlogevents",
                headers={"Authorization": f"Bearer {self.key}"},
                params={"sort_order": "ASC", "limit": 1000, "starting_from": position},
                timeout=60,
            )
            if response.status_code != 200:
                raise RequestFailedException(f"The API answered {response.status_code}")
            page = response.json()
            if not page.get("entries"):
                return
            self.save(page["entries"])
            position = page["next_starting_from"]
