using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Telemetry;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Carries INSERTs out: tries until the rows are stored, or until trying on makes no sense.</summary>
/// <param name="store">Where the rows go.</param>
/// <param name="state">Told of every success and fault.</param>
/// <param name="telemetry">Told of every attempt.</param>
/// <param name="time">The clock.</param>
/// <param name="writeTimeout">How long an attempt may take, and after how long no further one begins.</param>
/// <param name="looks">
/// Whether what became of an attempt is looked up in the table. A token alone is no proof that the rows are there: ClickHouse notes it before
/// it has them, and forgets it in a power cut (ClickHouse#111577).
/// </param>
sealed class Inserter(
    ISampleStore store, StorageState state, IngestionTelemetry telemetry, TimeProvider time, TimeSpan writeTimeout, bool looks)
{
    static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    // A repetition is known for an hour, and its sender has long given up.
    static readonly TimeSpan LongestUncertainty = TimeSpan.FromMinutes(15);

    volatile bool _stopping;

    /// <summary>Gives up what it would otherwise try for longer than requests wait.</summary>
    public void Stop() => _stopping = true;

    /// <summary>Makes an INSERT of groups that lie in one month.</summary>
    public Insert Begin(IReadOnlyList<InsertGroup> groups) => new(groups, isMarked: looks);

    /// <summary>Carries an INSERT out.</summary>
    /// <param name="insert">The INSERT.</param>
    /// <returns>Why the rows are not known to be stored; null when they are.</returns>
    public async Task<StorageUnavailableException?> InsertAsync(Insert insert)
    {
        var activity = insert.StartActivity();
        var fault = await TryAsync(insert);
        IngestionTelemetry.EndInsert(activity, fault?.Fault.Kind);
        return fault;
    }

    async Task<StorageUnavailableException?> TryAsync(Insert insert)
    {
        var begun = time.GetTimestamp();
        var wasRefused = false;
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var begin = time.GetTimestamp();
            try
            {
                using var timeout = new CancellationTokenSource(writeTimeout, time);
                var wasFound = await StoreOrFindAsync(insert, timeout.Token);
                telemetry.InsertStored(time.GetElapsedTime(begin), insert.Samples);

                // What was refused and is there all the same failed in a view, and so will the next one.
                if (!(wasFound && wasRefused))
                {
                    state.Stored();
                }

                return null;
            }
            catch (Exception e)
            {
                var fault = StorageFault.Of(e);
                telemetry.InsertFailed(time.GetElapsedTime(begin), fault.Kind);
                insert.WasTried = true;
                insert.MayBeStored |= !StorageFault.LeavesNothing(e);
                state.Failed(fault, e);
                wasRefused = e is ClickHouseServerException;

                // The same requests again would be stored twice, were they not kept until that is known.
                var isKept = insert.MayBeStored && insert.HasIdentities && !_stopping && time.GetElapsedTime(begun) < LongestUncertainty;
                if (!isKept && (!fault.PassesByItself || time.GetElapsedTime(begun) + pause >= writeTimeout))
                {
                    return new StorageUnavailableException(fault, e) { MayBeStored = insert.MayBeStored };
                }

                telemetry.InsertRetried(fault.Kind);
            }

            await Task.Delay(pause, time);
        }
    }

    // Answers whether the rows were there.
    async Task<bool> StoreOrFindAsync(Insert insert, CancellationToken cancellationToken)
    {
        if (!insert.WasTried || !looks)
        {
            await store.InsertAsync(insert.Rows, insert.Token, cancellationToken);
            return false;
        }

        if (await store.HasAsync(insert.Mark, insert.Token, cancellationToken))
        {
            return true;
        }

        // With the same token, because the attempt before may still be on its way to ClickHouse.
        await store.InsertAsync(insert.Rows, insert.Token, cancellationToken);
        if (!await store.HasAsync(insert.Mark, insert.Token, cancellationToken))
        {
            insert.Renew();
            await store.InsertAsync(insert.Rows, insert.Token, cancellationToken);
        }

        return false;
    }
}
