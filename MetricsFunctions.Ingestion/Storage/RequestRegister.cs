namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// The requests with an identity that are stored or under way, so that one that comes again is stored once although its samples share an INSERT
/// with those of others. What a former process stored is read from the table at the start. Holds for one instance alone:
/// docs/architecture.md has the proof.
/// </summary>
/// <param name="store">Where the samples go.</param>
/// <param name="state">Told of every success and fault.</param>
/// <param name="time">The clock.</param>
sealed class RequestRegister(ISampleStore store, StorageState state, TimeProvider time) : IAsyncDisposable
{
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // What was in hand for a while was received before it was stored.
    static readonly TimeSpan LongestInHand = TimeSpan.FromMinutes(15);

    readonly Lock _gate = new();
    readonly StoredRequests _stored = new(time);
    readonly Dictionary<UInt128, InsertGroup> _underWay = [];
    readonly CancellationTokenSource _stop = new();
    Task? _reading;

    /// <summary>Completes when it is known what former processes have stored; begins to find out at the first call.</summary>
    public Task ReadAsync()
    {
        lock (_gate)
        {
            return _reading ??= Task.Run(ReadUntilKnownAsync);
        }
    }

    /// <summary>Stores a request, unless it is stored or under way.</summary>
    /// <param name="id">Its identity.</param>
    /// <param name="join">Adds its samples to a group.</param>
    /// <returns>Completes when it is stored.</returns>
    public Task StoreOnce(UInt128 id, Func<InsertGroup> join)
    {
        lock (_gate)
        {
            if (_stored.Contains(id))
            {
                return Task.CompletedTask;
            }

            if (!_underWay.TryGetValue(id, out var group))
            {
                group = join();
                _underWay.Add(id, group);
            }

            return group.Stored;
        }
    }

    /// <summary>Notes what became of a group: stored, or certainly not and never.</summary>
    /// <param name="group">The group, before its requests are told.</param>
    /// <param name="isStored">Whether it is stored.</param>
    public void End(InsertGroup group, bool isStored)
    {
        lock (_gate)
        {
            foreach (var id in group.RequestIds)
            {
                _underWay.Remove(id);
                if (isStored)
                {
                    _stored.Add(id);
                }
            }
        }
    }

    /// <summary>Reads no further: what is not known by now is not found out any more.</summary>
    public async Task StopReadingAsync()
    {
        if (!_stop.IsCancellationRequested)
        {
            await _stop.CancelAsync();
        }

        await (_reading ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Reads no further; a second time does nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopReadingAsync();
        _stop.Dispose();
    }

    async Task ReadUntilKnownAsync()
    {
        while (true)
        {
            try
            {
                // An INSERT of a process that was killed runs to its end without it.
                await store.WaitForOthersAsync(_stop.Token);
                await store.ReadRequestIdsAsync(time.GetUtcNow() - StoredRequests.Window - LongestInHand, Remember, _stop.Token);
                return;
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                state.Failed(StorageFault.Of(e), e);
            }

            await Task.Delay(Pause, time, _stop.Token);
        }
    }

    void Remember(UInt128 id)
    {
        lock (_gate)
        {
            _stored.Add(id);
        }
    }
}
