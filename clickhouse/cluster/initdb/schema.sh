#!/bin/sh
# Run by the ClickHouse image at each start: every server makes its own tables, and so a new one joins by starting.
set -eu
/usr/local/share/clickhouse/cluster/schema | clickhouse-client --multiquery
