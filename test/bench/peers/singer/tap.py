"""A tap of the Singer SDK for the audit log, as its documentation describes a REST stream with a paginator of its own."""

import typing as t

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import BaseAPIPaginator

texts = (
    "action",
    "source",
    "cluster_id",
    "cluster_name",
    "user_email",
    "service_account_name",
    "session_id",
    "trace_id",
    "error",
    "payload",
    "filler",
)


class NextStartingFrom(BaseAPIPaginator[t.Optional[str]]):
    def __init__(self) -> None:
        super().__init__(None)

    def has_more(self, response) -> bool:
        return bool(response.json().get("entries"))

    def get_next(self, response) -> t.Optional[str]:
        return response.json().get("next_starting_from")


class AuditLogs(RESTStream):
    name = "audit_logs"
    path = "/api/v1/auditlogevents"
    primary_keys = ("id",)
    replication_key = "created_at"
    is_sorted = True
    # Timestamps are compared as text: `…02Z` sorts after `…02.5Z`, and the stream would end there.
    check_sorted = False
    records_jsonpath = "$.entries[*]"
    # What is not listed here is dropped.
    schema = th.PropertiesList(
        th.Property("id", th.StringType),
        th.Property("created_at", th.DateTimeType),
        *[th.Property(name, th.CustomType({"type": ["string", "object", "null"]})) for name in texts],
        th.Property("metadata", th.ObjectType(additional_properties=True)),
    ).to_dict()

    @property
    def url_base(self) -> str:
        return self.config["api_url"]

    @property
    def authenticator(self):
        return BearerTokenAuthenticator(token=self.config["api_key"])

    def get_new_paginator(self):
        return NextStartingFrom()

    def get_url_params(self, context, next_page_token):
        starting_from = next_page_token or self.get_starting_replication_key_value(context)
        return {"sort_order": "ASC", "limit": 1000, "starting_from": starting_from}


class TapCockroachCloud(Tap):
    name = "tap-cockroach-cloud"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("api_key", th.StringType, required=True, secret=True),
        th.Property("start_date", th.DateTimeType),
    ).to_dict()

    def discover_streams(self):
        return [AuditLogs(self)]


if __name__ == "__main__":
    TapCockroachCloud.cli()
