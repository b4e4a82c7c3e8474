"""The original task's shape: a Flask app that writes each request's sample to ClickHouse before it answers."""

import os
import threading
from datetime import datetime, timezone

from clickhouse_driver import Client
from flask import Flask, jsonify, request

INSERT = "INSERT INTO metrics.samples (metric_name, metric_value, timestamp) VALUES"

app = Flask(__name__)
local = threading.local()


def clickhouse():
    # A client is one connection, which threads cannot share.
    if not hasattr(local, "clickhouse"):
        local.clickhouse = Client(
            "127.0.0.1", port=os.environ["CLICKHOUSE_TCP_PORT"], user="admin", password=os.environ["CLICKHOUSE_PASSWORD"]
        )
    return local.clickhouse


@app.post("/api/metrics")
def write():
    sample = request.get_json(silent=True)
    if not isinstance(sample, dict):
        return jsonify(error="the body must be a JSON object"), 400

    name, value = sample.get("metric_name"), sample.get("metric_value")
    if not isinstance(name, str) or not name:
        return jsonify(error="metric_name must be a string"), 400
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return jsonify(error="metric_value must be a number"), 400

    clickhouse().execute(INSERT, [(name, float(value), datetime.now(timezone.utc))])
    return jsonify(message="ok")
