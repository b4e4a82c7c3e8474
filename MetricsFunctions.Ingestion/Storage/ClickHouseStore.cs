using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Stores samples in ClickHouse's table <c>metrics.samples</c> over its HTTP interface.</summary>
/// <param name="client">The connection; safe for use by many threads.</param>
/// <param name="options">Whether ClickHouse gathers INSERTs once more.</param>
sealed class ClickHouseStore(IClickHouseClient client, IOptions<ClickHouseOptions> options) : ISampleStore
{
    const string Table = "metrics.samples";

    public async Task InsertAsync(ArraySegment<byte> rows, string token, CancellationToken cancellationToken)
    {
        var insert = new QueryOptions
        {
            // Defaults changed in recent releases (26.2 and 26.3), so none is left to the server.
            CustomSettings = new Dictionary<string, object>
            {
                ["async_insert"] = options.Value.AsyncInsert ? 1 : 0,
                ["wait_for_async_insert"] = 1,
                ["async_insert_deduplicate"] = 1,
                ["insert_deduplicate"] = 1,
                ["insert_deduplication_token"] = token,
                ["deduplicate_blocks_in_dependent_materialized_views"] = 1,
            },
        };
        using var response = await client.InsertRawStreamAsync(
            Table, new MemoryStream(rows.Array!, rows.Offset, rows.Count, writable: false), "RowBinary", SampleBlock.Columns, useCompression: false, insert, cancellationToken);
    }

    // An INSERT without rows meets every obstacle that one with rows would: network, password, grants, table, read-only mode.
    public Task ProbeAsync(CancellationToken cancellationToken) =>
        InsertAsync(ArraySegment<byte>.Empty, "", cancellationToken);
}
