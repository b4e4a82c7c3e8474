using System.Diagnostics;
using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Groups of rows, taken up in the order they came, with a few INSERTs under way at a time.</summary>
/// <param name="store">Where the rows go.</param>
/// <param name="state">Told of every success and fault.</param>
/// <param name="telemetry">Told of every INSERT.</param>
/// <param name="time">The clock for deadlines and pauses.</param>
/// <param name="writeTimeout">How long a group may take from its first rows to its end.</param>
/// <param name="maxPendingBytes">Rows that may wait; one larger group is taken when nothing else does.</param>
/// <param name="inserts">How many INSERTs may be under way at a time.</param>
/// <param name="requests">Told what becomes of groups with identities in them; none where no group has any.</param>
sealed class InsertLane(
    ISampleStore store,
    StorageState state,
    IngestionTelemetry telemetry,
    TimeProvider time,
    TimeSpan writeTimeout,
    long maxPendingBytes,
    int inserts,
    RequestRegister? requests) : IAsyncDisposable
{
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    static readonly TimeSpan LongestGathering = TimeSpan.FromMilliseconds(50);

    // A repetition is known for an hour, and its sender has long given up.
    static readonly TimeSpan LongestUncertainty = TimeSpan.FromMinutes(15);

    // Beyond it a larger INSERT costs ClickHouse no less a sample, and its requests would wait for one another.
    const int MostSharedSamples = 50_000;

    readonly Lock _gate = new();
    readonly Queue<InsertGroup> _waiting = new();
    readonly Dictionary<string, InsertGroup> _pending = [];
    readonly Task[] _inserting = [.. Enumerable.Repeat(Task.CompletedTask, inserts)];
    InsertGroup? _open;
    long _pendingBytes;
    long _pendingRequests;
    volatile bool _stopping;

    // With how many requests the open group is complete, because the senders that were just answered are back.
    int _expected;
    TaskCompletionSource _complete = new();

    /// <summary>Bytes that wait for their INSERT or are on their way.</summary>
    public long PendingBytes => Volatile.Read(ref _pendingBytes);

    /// <summary>How many requests they belong to.</summary>
    public long PendingRequests => Volatile.Read(ref _pendingRequests);

    /// <summary>Puts rows into the group that waits for the INSERT under way, or begins one.</summary>
    /// <param name="block">The rows, which change hands.</param>
    /// <param name="token">
    /// Makes them a group of their own, with this deduplication token; one that is pending already stands for the same rows.
    /// </param>
    public InsertGroup Add(SampleBlock block, string? token = null)
    {
        lock (_gate)
        {
            if (token is not null && _pending.TryGetValue(token, out var same))
            {
                return same;
            }

            RequireRoom();
            var group = token is null ? Open(block.Count) : Enqueue(token);
            Append(group, block);
            if (group == _open && group.Requests >= _expected)
            {
                _complete.TrySetResult();
            }

            return group;
        }
    }

    /// <summary>Takes no more rows and waits until those in hand are stored or given up.</summary>
    public async ValueTask DisposeAsync()
    {
        Task inserting;
        lock (_gate)
        {
            _stopping = true;
            inserting = Task.WhenAll(_inserting);
        }

        await inserting;
    }

    void RequireRoom()
    {
        if (_stopping)
        {
            throw new StorageUnavailableException(StorageFault.Stopping);
        }

        // One request may go beyond the limit: if it had to wait for an empty queue, it would wait for ever.
        if (_pendingBytes >= maxPendingBytes)
        {
            throw new StorageUnavailableException(StorageFault.QueueFull);
        }
    }

    InsertGroup Open(int samples)
    {
        if (_open is null || _open.Samples + samples > MostSharedSamples)
        {
            _open = Enqueue(Guid.NewGuid().ToString("N"));
        }

        return _open;
    }

    InsertGroup Enqueue(string token)
    {
        var group = new InsertGroup(token, DeadlineIn(writeTimeout));
        _pending.Add(token, group);
        _waiting.Enqueue(group);
        return group;
    }

    void Append(InsertGroup group, SampleBlock block)
    {
        _pendingBytes += block.Bytes;
        _pendingRequests++;
        group.Append(block);
        var idle = Array.FindIndex(_inserting, loop => loop.IsCompleted);
        if (idle >= 0)
        {
            _inserting[idle] = Task.Run(() => InsertAllAsync(idle));
        }
    }

    async Task InsertAllAsync(int loop)
    {
        // Whichever request set this loop going has no more to do with its INSERTs than any other.
        Activity.Current = null;
        while (Next(loop) is { } group)
        {
            var begin = time.GetTimestamp();
            var activity = group.StartActivity();
            var fault = await InsertAsync(group);
            IngestionTelemetry.EndInsert(activity, fault?.Fault.Kind);
            var took = time.GetElapsedTime(begin);
            Task allBack;
            lock (_gate)
            {
                _pending.Remove(group.Token);
                _pendingBytes -= group.Bytes;
                _pendingRequests -= group.Requests;
                allBack = Expect((_open?.Requests ?? 0) + group.Requests);
            }

            requests?.End(group, isStored: fault is null);
            group.End(fault);

            // Senders that waited for their answers come back as soon as they have them. Without a moment for that they would make two
            // groups that take turns for ever, at twice the INSERTs. One sender alone never waits.
            if (fault is null && _expected > 1)
            {
                await Task.WhenAny(allBack, Task.Delay(2 * took < LongestGathering ? 2 * took : LongestGathering, time));
            }
        }
    }

    // Completes when the open group has so many requests.
    Task Expect(int requests)
    {
        _expected = requests;
        _complete = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _complete.Task;
    }

    InsertGroup? Next(int loop)
    {
        lock (_gate)
        {
            if (!_waiting.TryDequeue(out var group))
            {
                // Said under the lock, so that whoever comes next starts a new loop.
                _inserting[loop] = Task.CompletedTask;
            }

            if (group == _open)
            {
                _open = null;
            }

            return group;
        }
    }

    // Tries until the rows are stored, or until trying on makes no sense; answers why they are not.
    async Task<StorageUnavailableException?> InsertAsync(InsertGroup group)
    {
        var uncertainUntil = DeadlineIn(LongestUncertainty);
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var remaining = UntilDeadline(group.Deadline);
            if (remaining == TimeSpan.Zero)
            {
                if (!group.IsUncertain)
                {
                    // It waited behind others all the time, and ClickHouse was not even asked.
                    return new StorageUnavailableException(state.Fault ?? StorageFault.QueueFull);
                }

                remaining = writeTimeout;
            }

            var begin = time.GetTimestamp();
            try
            {
                using var timeout = new CancellationTokenSource(remaining, time);
                await store.InsertAsync(group.Rows, group.Token, timeout.Token);
                telemetry.InsertStored(time.GetElapsedTime(begin), group.Samples);
                state.Stored();
                return null;
            }
            catch (Exception e)
            {
                var fault = StorageFault.Of(e);
                telemetry.InsertFailed(time.GetElapsedTime(begin), fault.Kind);
                group.IsUncertain |= group.RequestIds.Count > 0
                    && (!StorageFault.LeavesNothing(e) || (group.SpansMonths && e is ClickHouseServerException));
                var triesOn = group.IsUncertain && !_stopping && UntilDeadline(uncertainUntil) > TimeSpan.Zero;
                if (fault == StorageFault.Timeout && remaining < LongestPause && !triesOn)
                {
                    // The rest of the group's time was too short to tell anything about ClickHouse.
                    return new StorageUnavailableException(state.Fault ?? fault, e);
                }

                state.Failed(fault, e);
                if (!triesOn && (!fault.PassesByItself || UntilDeadline(group.Deadline) <= pause))
                {
                    return new StorageUnavailableException(fault, e);
                }

                telemetry.InsertRetried(fault.Kind);
            }

            await Task.Delay(pause, time);
        }
    }

    long DeadlineIn(TimeSpan span) => time.GetTimestamp() + (long)(span.TotalSeconds * time.TimestampFrequency);

    TimeSpan UntilDeadline(long deadline)
    {
        var remaining = time.GetElapsedTime(time.GetTimestamp(), deadline);
        return remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero;
    }
}
