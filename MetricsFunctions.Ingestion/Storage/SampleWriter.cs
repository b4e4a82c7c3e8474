using System.Security.Cryptography;
using System.Text;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// Group commit: while an INSERT is under way, what arrives is gathered; the next INSERT takes it all; a request is done when its INSERT
/// is acknowledged. An idle service inserts at once, a busy one inserts large groups.
/// </summary>
public sealed class SampleWriter : IAsyncDisposable
{
    // A block this large, some thousand rows, would make small ones wait; it shares an INSERT only with its like, when all are under way.
    const int LargeBlockBytes = 256 * 1024;

    // Requests that are an INSERT each would wait for one another's round trips; more at a time would only make ClickHouse merge more.
    const int SingleInserts = 4;

    readonly InsertLane _shared;
    readonly InsertLane _single;

    /// <summary>Makes a writer; nothing runs until the first sample.</summary>
    /// <param name="store">Where the samples go.</param>
    /// <param name="options">Limits of queue and waiting.</param>
    /// <param name="telemetry">Told of every INSERT.</param>
    /// <param name="time">The clock for deadlines and pauses.</param>
    /// <param name="logger">Told of each change between storing and not being able to.</param>
    public SampleWriter(
        ISampleStore store, IOptions<IngestionOptions> options, IngestionTelemetry telemetry, TimeProvider time, ILogger<SampleWriter> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(telemetry);
        // Two lanes: small requests share INSERTs, one at a time so that it grows, and never stand behind a large one.
        var state = new StorageState(logger);
        _shared = Lane("shared", inserts: 1);
        _single = Lane("single", SingleInserts);

        InsertLane Lane(string name, int inserts)
        {
            var limit = options.Value.MaxPendingBytes / 2;
            var lane = new InsertLane(store, state, telemetry, time, options.Value.WriteTimeout, limit, inserts);
            telemetry.Show(new QueueGauge(name, limit, () => lane.PendingBytes, () => lane.PendingRequests));
            return lane;
        }
    }

    /// <summary>Stores a request's samples, all or none; completes when ClickHouse has committed them.</summary>
    /// <param name="block">The samples; taken over before this returns, so the block is to be reset and may be used again.</param>
    /// <param name="idempotencyKey">
    /// The sender's key for this request: given again within ClickHouse's deduplication window, nothing is stored twice.
    /// Such a request is an INSERT of its own.
    /// </param>
    /// <exception cref="StorageUnavailableException">They could not be stored within <see cref="IngestionOptions.WriteTimeout"/>.</exception>
    public Task WriteAsync(SampleBlock block, string? idempotencyKey)
    {
        ArgumentNullException.ThrowIfNull(block);
        if (idempotencyKey is not null)
        {
            return _single.Add(block, TokenOf(idempotencyKey));
        }

        return (block.Bytes < LargeBlockBytes ? _shared : _single).Join(block);
    }

    /// <summary>Takes no more samples and waits until those in hand are stored or given up.</summary>
    public async ValueTask DisposeAsync()
    {
        await _shared.DisposeAsync();
        await _single.DisposeAsync();
    }

    // The key itself may be anything that fits a header; a token goes into a URL and into ClickHouse's log.
    static string TokenOf(string idempotencyKey) =>
        "key-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(idempotencyKey)));
}
