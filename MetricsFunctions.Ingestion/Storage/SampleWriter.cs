using System.Security.Cryptography;
using System.Text;
using MetricsFunctions.Ingestion.Samples;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// Group commit: while an INSERT is under way, what arrives is gathered; the next INSERT takes it all; a request is done when its INSERT
/// is acknowledged. There is no timer: an idle service inserts at once, a busy one inserts large groups.
/// </summary>
public sealed partial class SampleWriter : IAsyncDisposable
{
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    readonly ISampleStore _store;
    readonly IngestionOptions _options;
    readonly TimeProvider _time;
    readonly ILogger<SampleWriter> _logger;

    readonly Lock _gate = new();

    // Guarded by _gate.
    readonly Queue<InsertGroup> _waiting = new();
    InsertGroup? _open;
    long _pendingBytes;
    bool _stopping;
    Task _inserting = Task.CompletedTask;

    // Only the insert loop touches it.
    StorageFault? _fault;

    /// <summary>Makes a writer; nothing runs until the first sample.</summary>
    /// <param name="store">Where the samples go.</param>
    /// <param name="options">Limits of queue and waiting.</param>
    /// <param name="time">The clock for deadlines and pauses.</param>
    /// <param name="logger">Told of each change between storing and not being able to.</param>
    public SampleWriter(ISampleStore store, IOptions<IngestionOptions> options, TimeProvider time, ILogger<SampleWriter> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        _store = store;
        _options = options.Value;
        _time = time;
        _logger = logger;
    }

    /// <summary>Stores a request's samples, all or none; completes when ClickHouse has committed them.</summary>
    /// <param name="block">The samples; copied before this returns, so the block may be used again.</param>
    /// <param name="idempotencyKey">
    /// The sender's key for this request: given again within ClickHouse's deduplication window, nothing is stored twice.
    /// Such a request is an INSERT of its own.
    /// </param>
    /// <exception cref="StorageUnavailableException">They could not be stored within <see cref="IngestionOptions.WriteTimeout"/>.</exception>
    public Task WriteAsync(SampleBlock block, string? idempotencyKey)
    {
        ArgumentNullException.ThrowIfNull(block);
        lock (_gate)
        {
            if (_stopping)
            {
                throw new StorageUnavailableException(StorageFault.Stopping);
            }

            if (_pendingBytes > 0 && _pendingBytes + block.Rows.Length > _options.MaxPendingBytes)
            {
                throw new StorageUnavailableException(StorageFault.QueueFull);
            }

            var group = idempotencyKey is null ? _open ??= Enqueue(Guid.NewGuid().ToString("N")) : Enqueue(TokenOf(idempotencyKey));
            group.Append(block.Rows.Span);
            _pendingBytes += block.Rows.Length;
            if (_inserting.IsCompleted)
            {
                _inserting = Task.Run(InsertAllAsync);
            }

            return group.Stored;
        }
    }

    /// <summary>Takes no more samples and waits until those in hand are stored or given up.</summary>
    public async ValueTask DisposeAsync()
    {
        Task inserting;
        lock (_gate)
        {
            _stopping = true;
            inserting = _inserting;
        }

        await inserting;
    }

    // The key itself may be anything that fits a header; a token goes into a URL and into ClickHouse's log.
    static string TokenOf(string idempotencyKey) =>
        "key-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(idempotencyKey)));

    InsertGroup Enqueue(string token)
    {
        var group = new InsertGroup(token, _time.GetTimestamp() + (long)(_options.WriteTimeout.TotalSeconds * _time.TimestampFrequency));
        _waiting.Enqueue(group);
        return group;
    }

    async Task InsertAllAsync()
    {
        while (Next() is { } group)
        {
            var bytes = group.Rows.Count;
            await InsertAsync(group);
            lock (_gate)
            {
                _pendingBytes -= bytes;
            }
        }
    }

    InsertGroup? Next()
    {
        lock (_gate)
        {
            if (!_waiting.TryDequeue(out var group))
            {
                // Said under the lock, so that whoever comes next starts a new loop.
                _inserting = Task.CompletedTask;
                return null;
            }

            if (group == _open)
            {
                _open = null;
            }

            return group;
        }
    }

    async Task InsertAsync(InsertGroup group)
    {
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                using var timeout = new CancellationTokenSource(Remaining(group), _time);
                await _store.InsertAsync(group.Rows, group.Token, timeout.Token);
                Note(null, null);
                group.Complete();
                return;
            }
            catch (Exception e)
            {
                var fault = StorageFault.Of(e);
                Note(fault, e);
                if (!fault.PassesByItself || Remaining(group) <= pause)
                {
                    group.Fail(new StorageUnavailableException(fault, e));
                    return;
                }
            }

            await Task.Delay(pause, _time);
        }
    }

    TimeSpan Remaining(InsertGroup group)
    {
        var remaining = _time.GetElapsedTime(_time.GetTimestamp(), group.Deadline);
        return remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero;
    }

    // One line for a change of state, none per request.
    void Note(StorageFault? fault, Exception? exception)
    {
        if (fault?.Brief == _fault?.Brief)
        {
            return;
        }

        _fault = fault;
        if (fault is null)
        {
            LogStoring();
        }
        else
        {
            LogFault(fault.Brief, fault.Advice, exception?.Message);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "Samples cannot be stored: {Brief}. {Advice} ({Message})")]
    partial void LogFault(string brief, string advice, string? message);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Samples are stored again")]
    partial void LogStoring();
}
