using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Pipelines;
using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Stores samples in ClickHouse's table <c>metrics.samples</c> over its HTTP interface.</summary>
/// <param name="client">The connection; safe for use by many threads.</param>
/// <param name="options">Whether ClickHouse gathers INSERTs once more.</param>
/// <param name="time">The clock.</param>
sealed class ClickHouseStore(IClickHouseClient client, IOptions<ClickHouseOptions> options, TimeProvider time) : ISampleStore
{
    const string Table = "metrics.samples";

    static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    // What this process's INSERTs are called, so that those of others are told apart.
    readonly string _queryPrefix = $"metrics-functions-{Guid.NewGuid():N}-";
    long _queries;

    public async Task InsertAsync(ReadOnlySequence<byte> rows, string token, CancellationToken cancellationToken)
    {
        var insert = new QueryOptions
        {
            QueryId = $"{_queryPrefix}{token}-{Interlocked.Increment(ref _queries)}",

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

                // There is one stream of blocks: more threads would only hand it to one another.
                ["max_threads"] = 1,
            },
        };
        await using var stream = PipeReader.Create(rows).AsStream();
        using var response = await client.InsertRawStreamAsync(
            Table, stream, "Native", NativeBlocks.Columns, useCompression: false, insert, cancellationToken);
    }

    // An INSERT without rows meets what one with rows would meet before them: network, password, grants, table, read-only mode.
    public Task ProbeAsync(CancellationToken cancellationToken) =>
        InsertAsync(ReadOnlySequence<byte>.Empty, "", cancellationToken);

    public async Task<bool> HasAsync(RowMark mark, string token, CancellationToken cancellationToken)
    {
        while (await CountInsertsAsync($"startsWith(query_id, '{_queryPrefix}{token}-')", cancellationToken) > 0)
        {
            await Task.Delay(Look, time, cancellationToken);
        }

        return await CountAsync(
            $"""
            SELECT count()
            FROM {Table}
            WHERE metric_name = unhex('{Convert.ToHexString(mark.MetricName.Span)}')
                AND timestamp = fromUnixTimestamp64Milli({mark.Timestamp}, 'UTC')
                AND request_id = toUInt128('{mark.RequestId}')
            """,
            cancellationToken) > 0;
    }

    public async Task WaitForOthersAsync(CancellationToken cancellationToken)
    {
        var quietSince = time.GetTimestamp();
        while (time.GetElapsedTime(quietSince) < Quiet)
        {
            if (await CountInsertsAsync($"NOT startsWith(query_id, '{_queryPrefix}')", cancellationToken) > 0)
            {
                quietSince = time.GetTimestamp();
            }

            await Task.Delay(Look, time, cancellationToken);
        }
    }

    public async Task ReadRequestIdsAsync(DateTimeOffset since, Action<UInt128> tell, CancellationToken cancellationToken)
    {
        const int Bytes = 16;
        using var result = await client.ExecuteRawResultAsync(
            $"""
            SELECT request_id
            FROM {Table}
            WHERE received_at >= fromUnixTimestamp64Milli({since.ToUnixTimeMilliseconds()}) AND request_id != 0
            FORMAT RowBinary
            """,
            // Otherwise a fault in the middle would look like the end.
            new QueryOptions { CustomSettings = new Dictionary<string, object> { ["wait_end_of_query"] = 1 } },
            cancellationToken);
        await using var ids = await result.ReadDecompressedStreamAsync();
        var buffer = new byte[4096 * Bytes];
        for (var read = buffer.Length; read == buffer.Length;)
        {
            read = await ids.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
            for (var at = 0; at + Bytes <= read; at += Bytes)
            {
                tell(BinaryPrimitives.ReadUInt128LittleEndian(buffer.AsSpan(at)));
            }
        }
    }

    // A user sees its own queries without any right to the others'.
    Task<long> CountInsertsAsync(string condition, CancellationToken cancellationToken) => CountAsync(
        $"SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND user = currentUser() AND {condition}", cancellationToken);

    async Task<long> CountAsync(string sql, CancellationToken cancellationToken) =>
        Convert.ToInt64(await client.ExecuteScalarAsync(sql, cancellationToken: cancellationToken), CultureInfo.InvariantCulture);
}
