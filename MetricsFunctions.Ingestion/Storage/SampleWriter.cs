using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// Group commit: while an INSERT is under way, what arrives is gathered; the next INSERT takes it all; a request is done when its INSERT
/// is acknowledged. An idle service inserts at once, a busy one inserts large groups.
/// </summary>
public sealed class SampleWriter : IHostedService, IAsyncDisposable
{
    // Small requests would wait for a block this large, some thousand rows.
    const int LargeBlockBytes = 256 * 1024;

    // Where requests are an INSERT each, they would wait for one another's round trips; more at a time would only make ClickHouse merge more.
    const int InsertsOfRequests = 4;

    // Groups tell why they were not stored at the end of their time; this is for those that are not told because another is kept.
    static readonly TimeSpan Reserve = TimeSpan.FromSeconds(1);

    readonly StorageState _state;
    readonly TimeProvider _time;
    readonly TimeSpan _writeTimeout;
    readonly RequestRegister? _requests;
    readonly InsertLane _small;
    readonly InsertLane _large;

    /// <summary>Makes a writer; nothing runs until it is started, or until the first sample.</summary>
    /// <param name="store">Where the samples go.</param>
    /// <param name="options">Limits of queue and waiting, and whether this is the only instance.</param>
    /// <param name="telemetry">Told of every INSERT.</param>
    /// <param name="time">The clock for deadlines and pauses.</param>
    /// <param name="logger">Told of each change between storing and not being able to.</param>
    public SampleWriter(
        ISampleStore store, IOptions<IngestionOptions> options, IngestionTelemetry telemetry, TimeProvider time, ILogger<SampleWriter> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(telemetry);
        _state = new StorageState(logger);
        _time = time;
        _writeTimeout = options.Value.WriteTimeout;
        _requests = options.Value.SingleInstance ? new RequestRegister(store, _state, time) : null;

        // Two lanes, because small requests must not stand behind a large one; one INSERT at a time in each, so that it grows.
        _small = Lane("small", inserts: 1);
        _large = Lane("large", _requests is null ? InsertsOfRequests : 1);

        InsertLane Lane(string name, int inserts)
        {
            var limit = options.Value.MaxPendingBytes / 2;
            var lane = new InsertLane(store, _state, telemetry, time, _writeTimeout, limit, inserts, _requests);
            telemetry.Show(new QueueGauge(name, limit, () => lane.PendingBytes, () => lane.PendingRequests));
            return lane;
        }
    }

    /// <summary>Begins to find out what a former process has stored.</summary>
    /// <param name="cancellationToken">Not used.</param>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = _requests?.ReadAsync();
        return Task.CompletedTask;
    }

    /// <summary>Asks ClickHouse nothing more by itself, as it may stop next; requests are still answered while the host stops.</summary>
    /// <param name="cancellationToken">Not used.</param>
    public Task StopAsync(CancellationToken cancellationToken) => _requests?.StopReadingAsync() ?? Task.CompletedTask;

    /// <summary>
    /// Completes when a request that comes again can be told from a new one; until then, at the start, <see cref="WriteAsync"/> must not be
    /// given a request with an identity.
    /// </summary>
    /// <exception cref="StorageUnavailableException">It could not be found out within <see cref="IngestionOptions.WriteTimeout"/>.</exception>
    public ValueTask KnowsRequestsAsync() => _requests?.ReadAsync() is { IsCompleted: false } reading ? new ValueTask(InTimeAsync(reading)) : default;

    /// <summary>Stores a request's samples, all or none; completes when ClickHouse has committed them.</summary>
    /// <param name="block">
    /// The samples; taken over before this returns, so the block is to be reset and may be used again. Given the same
    /// <see cref="SampleBlock.RequestId"/> again, nothing is stored twice.
    /// </param>
    /// <exception cref="StorageUnavailableException">They could not be stored within <see cref="IngestionOptions.WriteTimeout"/>.</exception>
    public Task WriteAsync(SampleBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        var lane = block.Bytes < LargeBlockBytes ? _small : _large;
        if (block.RequestId == 0)
        {
            return InTimeAsync(lane.Add(block).Stored);
        }

        // ClickHouse commits each month by itself, and knows by its token which of a request's months it has.
        if (_requests is null || block.FirstMonth != block.LastMonth)
        {
            var token = $"{block.RequestId:x32}";
            block.RequestId = 0;
            return InTimeAsync(_large.Add(block, token).Stored);
        }

        return InTimeAsync(_requests.StoreOnce(block.RequestId, () => lane.Add(block)));
    }

    /// <summary>Takes no more samples and waits until those in hand are stored or given up.</summary>
    public async ValueTask DisposeAsync()
    {
        await _small.DisposeAsync();
        await _large.DisposeAsync();
        if (_requests is not null)
        {
            await _requests.DisposeAsync();
        }
    }

    async Task InTimeAsync(Task stored)
    {
        try
        {
            await stored.WaitAsync(_writeTimeout + Reserve, _time);
        }
        catch (TimeoutException)
        {
            throw new StorageUnavailableException(_state.Fault ?? StorageFault.Timeout);
        }
        catch (OperationCanceledException)
        {
            throw new StorageUnavailableException(StorageFault.Stopping);
        }
    }
}
