using System.Buffers;
using System.IO.Pipelines;
using ClickHouse.Driver;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Stores samples in ClickHouse's table <c>metrics.samples</c> over its HTTP interface.</summary>
/// <param name="client">The connection; safe for use by many threads.</param>
/// <param name="options">Whether ClickHouse gathers INSERTs once more.</param>
sealed class ClickHouseStore(IClickHouseClient client, IOptions<ClickHouseOptions> options) : ISampleStore
{
    const string Table = "metrics.samples";

    public async Task InsertAsync(ReadOnlySequence<byte> rows, string token, CancellationToken cancellationToken)
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

                // Where the table is Distributed: the answer waits for every shard, as it waits for the disk of a single server.
                ["distributed_foreground_insert"] = 1,

                // All blocks are put together, and so are one part in each month they touch, which is there as a whole or not at all. By default
                // that ends at 1,048,449 rows, or at 256 MiB. (0 is no limit, but of both it is: each block for itself.)
                ["max_insert_block_size"] = int.MaxValue,
                ["min_insert_block_size_rows"] = int.MaxValue,
                ["min_insert_block_size_bytes"] = 0,
            },
        };
        await using var stream = PipeReader.Create(rows).AsStream();
        using var response = await client.InsertRawStreamAsync(
            Table, stream, "Native", NativeBlocks.Columns, useCompression: false, insert, cancellationToken);
    }

    // An INSERT without rows meets every obstacle that one with rows would: network, password, grants, table, read-only mode.
    public Task ProbeAsync(CancellationToken cancellationToken) =>
        InsertAsync(ReadOnlySequence<byte>.Empty, "", cancellationToken);
}
