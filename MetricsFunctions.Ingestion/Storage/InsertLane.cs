using System.Diagnostics;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Groups of rows, taken up in the order they came, with a few INSERTs under way at a time.</summary>
/// <param name="inserter">Carries the INSERTs out.</param>
/// <param name="state">Tells why nothing is stored.</param>
/// <param name="time">The clock.</param>
/// <param name="writeTimeout">How long a request may wait for its INSERT to begin.</param>
/// <param name="inserts">How many INSERTs may be under way at a time.</param>
sealed class InsertLane(
    Inserter inserter, StorageState state, TimeProvider time, TimeSpan writeTimeout, int inserts) : IAsyncDisposable
{
    static readonly TimeSpan LongestGathering = TimeSpan.FromMilliseconds(50);

    // Beyond it a larger INSERT costs ClickHouse no less a sample, and its requests would wait for one another.
    const int MostSharedSamples = 50_000;

    // Requests of a group are given up together, and the last one has not waited for much less than the first.
    readonly TimeSpan _longestJoining = writeTimeout / 8;

    readonly Lock _gate = new();
    readonly List<InsertGroup> _waiting = [];
    readonly Task[] _inserting = [.. Enumerable.Repeat(Task.CompletedTask, inserts)];
    long _pendingRequests;
    int _waitingRequests;
    volatile bool _stopping;

    // With how many waiting requests the next INSERT is complete, because the senders that were just answered are back.
    int _expected;
    TaskCompletionSource _complete = new();

    /// <summary>How many requests wait for their INSERT or are on their way.</summary>
    public long PendingRequests => Volatile.Read(ref _pendingRequests);

    /// <summary>Puts rows into a group that waits for the INSERT under way, or begins one.</summary>
    /// <param name="block">The rows, which lie in one month and change hands.</param>
    /// <param name="token">Makes them an INSERT of their own, with this deduplication token.</param>
    /// <returns>Completes when they are stored.</returns>
    /// <exception cref="StorageUnavailableException">The service is stopping.</exception>
    public Task Add(SampleBlock block, string? token = null)
    {
        lock (_gate)
        {
            if (_stopping)
            {
                throw new StorageUnavailableException(StorageFault.Stopping);
            }

            var group = GroupFor(block, token);
            _pendingRequests++;
            _waitingRequests++;
            group.Append(block);
            var idle = Array.FindIndex(_inserting, loop => loop.IsCompleted);
            if (idle >= 0)
            {
                _inserting[idle] = Task.Run(() => InsertAllAsync(idle));
            }

            if (_waitingRequests >= _expected)
            {
                _complete.TrySetResult();
            }

            return group.Stored;
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

    InsertGroup GroupFor(SampleBlock block, string? token)
    {
        for (var i = _waiting.Count - 1; i >= 0 && token is null; i--)
        {
            if (_waiting[i] is { Token: null } open && open.Month == block.FirstMonth && open.Samples + block.Count <= MostSharedSamples
                && time.GetElapsedTime(open.Begun) <= _longestJoining)
            {
                return open;
            }
        }

        var group = new InsertGroup(block.FirstMonth, time.GetTimestamp(), token);
        group.Expiry = time.CreateTimer(_ => Expire(group), null, writeTimeout, Timeout.InfiniteTimeSpan);
        _waiting.Add(group);
        return group;
    }

    void Expire(InsertGroup group)
    {
        lock (_gate)
        {
            if (_waiting.Contains(group))
            {
                Leave(group);
                _pendingRequests -= group.Requests;
                group.End(new StorageUnavailableException(state.Fault ?? StorageFault.Timeout));
            }
        }
    }

    // For good: nothing of what is told to be given up here is stored later.
    void Leave(InsertGroup group)
    {
        _waiting.Remove(group);
        _waitingRequests -= group.Requests;
        group.Expiry?.Dispose();
    }

    async Task InsertAllAsync(int loop)
    {
        // Whichever request set this loop going has no more to do with its INSERTs than any other.
        Activity.Current = null;
        while (Next(loop) is { } insert)
        {
            var begin = time.GetTimestamp();
            StorageUnavailableException? fault;
            try
            {
                fault = await inserter.InsertAsync(insert);
            }
            catch (Exception e)
            {
                // A defect. Its requests are told, and the next ones must not wait for a loop that is no more.
                fault = new StorageUnavailableException(StorageFault.Of(e), e) { MayBeStored = true };
                state.Failed(fault.Fault, e);
            }

            var took = time.GetElapsedTime(begin);
            Task allBack;
            lock (_gate)
            {
                _pendingRequests -= insert.Requests;
                allBack = Expect(_waitingRequests + insert.Requests);
            }

            insert.End(fault);

            // Senders that waited for their answers come back as soon as they have them. Without a moment for that they would make two
            // groups that take turns for ever, at twice the INSERTs. One sender alone never waits.
            if (fault is null && _expected > 1)
            {
                await Task.WhenAny(allBack, Task.Delay(2 * took < LongestGathering ? 2 * took : LongestGathering, time));
            }
        }
    }

    // Completes when so many requests wait.
    Task Expect(int requests)
    {
        _expected = requests;
        _complete = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _complete.Task;
    }

    Insert? Next(int loop)
    {
        lock (_gate)
        {
            List<InsertGroup> taken = [];
            var samples = 0;
            foreach (var group in _waiting)
            {
                if (taken is [] || (taken[0].Token is null && group.Token is null && group.Month == taken[0].Month
                    && samples + group.Samples <= MostSharedSamples))
                {
                    taken.Add(group);
                    samples += group.Samples;
                }
            }

            if (taken is [])
            {
                // Said under the lock, so that whoever comes next starts a new loop.
                _inserting[loop] = Task.CompletedTask;
                return null;
            }

            taken.ForEach(Leave);
            return inserter.Begin(taken);
        }
    }
}
