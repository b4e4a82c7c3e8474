namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// The requests with an identity that this instance has stored or has under way, so that one that comes again is stored once, whatever month it
/// comes in and whatever ClickHouse remembers. The only instance reads at the start what a former process stored, and so knows all of them:
/// docs/architecture.md has the proof.
/// </summary>
/// <param name="store">Where the samples go.</param>
/// <param name="state">Told of every fault.</param>
/// <param name="time">The clock.</param>
sealed class RequestRegister(ISampleStore store, StorageState state, TimeProvider time) : IAsyncDisposable
{
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // What was in hand for a while was received before it was stored.
    static readonly TimeSpan LongestInHand = TimeSpan.FromMinutes(15);

    readonly Lock _gate = new();
    readonly StoredRequests _stored = new(time);
    readonly Dictionary<UInt128, Task> _underWay = [];
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
    /// <param name="begin">Begins to store it; what it answers fails when nothing of it is stored nor ever will be, or when that cannot be found out.</param>
    /// <returns>Completes when it is stored.</returns>
    public Task StoreOnce(UInt128 id, Func<Task> begin)
    {
        lock (_gate)
        {
            if (_stored.Contains(id))
            {
                return Task.CompletedTask;
            }

            if (!_underWay.TryGetValue(id, out var stored))
            {
                stored = RememberAsync(id, begin());
                _underWay.Add(id, stored);
            }

            return stored;
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

    // In one step, so that a request that comes again finds it in one place or the other.
    async Task RememberAsync(UInt128 id, Task stored)
    {
        await stored.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        lock (_gate)
        {
            _underWay.Remove(id);
            if (stored.IsCompletedSuccessfully)
            {
                _stored.Add(id);
            }
        }

        await stored;
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
