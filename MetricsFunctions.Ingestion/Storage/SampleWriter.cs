using MetricsFunctions.Ingestion.Memory;
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
sealed class SampleWriter : IHostedService, IAsyncDisposable
{
    // Where requests are an INSERT each, they would wait for one another's round trips; more at a time would only make ClickHouse merge more.
    const int InsertsOfRequests = 4;

    readonly StorageState _state;
    readonly TimeProvider _time;
    readonly TimeSpan _writeTimeout;
    readonly bool _isAlone;
    readonly RequestRegister _requests;
    readonly Inserter _inserter;
    readonly InsertLane _small;
    readonly InsertLane _large;

    /// <summary>Makes a writer; nothing runs until it is started, or until the first sample.</summary>
    /// <param name="store">Where the samples go.</param>
    /// <param name="options">How long requests wait, and whether this is the only instance.</param>
    /// <param name="memory">What requests have, for telemetry to tell.</param>
    /// <param name="telemetry">Told of every INSERT.</param>
    /// <param name="time">The clock for deadlines and pauses.</param>
    /// <param name="logger">Told of each change between storing and not being able to.</param>
    public SampleWriter(
        ISampleStore store,
        IOptions<IngestionOptions> options,
        MemoryBudget memory,
        IngestionTelemetry telemetry,
        TimeProvider time,
        ILogger<SampleWriter> logger)
    {
        _state = new StorageState(logger, time);
        _time = time;
        _writeTimeout = options.Value.WriteTimeout;
        _isAlone = options.Value.SingleInstance;
        _requests = new RequestRegister(store, _state, time);
        _inserter = new Inserter(store, _state, telemetry, time, _writeTimeout, looks: _isAlone);

        // Two lanes, because small requests must not stand behind a large one; one INSERT at a time in each, so that it grows.
        _small = Lane("small", memory.Small, inserts: 1);
        _large = Lane("large", memory.Large, _isAlone ? 1 : InsertsOfRequests);

        InsertLane Lane(string name, MemoryBudget.Share share, int inserts)
        {
            var lane = new InsertLane(_inserter, _state, time, _writeTimeout, inserts);
            telemetry.Show(new QueueGauge(name, share.Limit, () => share.Taken, () => lane.PendingRequests));
            return lane;
        }
    }

    /// <summary>Why the last INSERT was not stored, if it was just now; <see langword="null"/> when it was stored or is ten seconds ago.</summary>
    public StorageFault? RecentFault => _state.RecentFault;

    /// <summary>Begins to find out what a former process has stored.</summary>
    /// <param name="cancellationToken">Not used.</param>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = _isAlone ? _requests.ReadAsync() : null;
        return Task.CompletedTask;
    }

    /// <summary>Asks ClickHouse nothing more by itself, as it may stop next; requests are still answered while the host stops.</summary>
    /// <param name="cancellationToken">Not used.</param>
    public Task StopAsync(CancellationToken cancellationToken) => _requests.StopReadingAsync();

    /// <summary>
    /// Completes when a request that comes again can be told from a new one; until then, at the start, <see cref="WriteAsync"/> must not be
    /// given a request with an identity.
    /// </summary>
    /// <exception cref="StorageUnavailableException">It could not be found out within twice <see cref="IngestionOptions.WriteTimeout"/>.</exception>
    public ValueTask KnowsRequestsAsync() =>
        _isAlone && _requests.ReadAsync() is { IsCompleted: false } reading ? new ValueTask(InTimeAsync(reading, mayBeStored: false)) : default;

    /// <summary>Stores a request's samples, all or none; completes when ClickHouse has committed them.</summary>
    /// <param name="block">
    /// The samples; taken over before this returns, so the block is to be reset and may be used again. Given the same
    /// <see cref="SampleBlock.RequestId"/> again, nothing is stored twice.
    /// </param>
    /// <param name="room">The memory of the request, which is given back when its samples are stored or given up.</param>
    /// <exception cref="StorageUnavailableException">
    /// Their INSERT could not begin within <see cref="IngestionOptions.WriteTimeout"/>, or failed, or did not end within that time.
    /// </exception>
    public Task WriteAsync(SampleBlock block, MemoryBudget.Room? room = null)
    {
        return InTimeAsync(StoreAsync(), mayBeStored: true);

        // Longer than its sender waits, if need be.
        async Task StoreAsync()
        {
            using (room)
            {
                await Once(block, () => Add(block));
            }
        }
    }

    /// <summary>Takes no more samples and waits until those in hand are stored or given up.</summary>
    public async ValueTask DisposeAsync()
    {
        _inserter.Stop();
        await _small.DisposeAsync();
        await _large.DisposeAsync();
        await _requests.DisposeAsync();
    }

    Task Once(SampleBlock block, Func<Task> begin) => block.RequestId == 0 ? begin() : _requests.StoreOnce(block.RequestId, begin);

    Task Add(SampleBlock block)
    {
        // Other instances may have the same request: ClickHouse tells by its token, and needs an INSERT for it.
        var hasToken = !_isAlone && block.RequestId != 0;
        var lane = hasToken || block.Bytes > MemoryBudget.LargestSmall ? _large : _small;
        return block.FirstMonth == block.LastMonth ? AddMonth(block) : AddMonthsAsync(block.ByMonth());

        Task AddMonth(SampleBlock month)
        {
            var token = hasToken ? $"{month.RequestId:x32}" : null;
            month.RequestId = hasToken ? 0 : month.RequestId;
            return lane.Add(month, token);
        }

        // ClickHouse commits each month by itself.
        async Task AddMonthsAsync(IReadOnlyCollection<SampleBlock> months)
        {
            try
            {
                await Task.WhenAll(months.Select(month => Once(month, () => AddMonth(month))));
            }
            catch (StorageUnavailableException e)
            {
                throw new StorageUnavailableException(e.Fault, e) { MayBeStored = true };
            }
        }
    }

    async Task InTimeAsync(Task task, bool mayBeStored)
    {
        try
        {
            await task.WaitAsync(2 * _writeTimeout, _time);
        }
        catch (TimeoutException)
        {
            throw new StorageUnavailableException(_state.Fault ?? StorageFault.Timeout) { MayBeStored = mayBeStored };
        }
        catch (OperationCanceledException)
        {
            throw new StorageUnavailableException(StorageFault.Stopping);
        }
    }
}
